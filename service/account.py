"""Recognises the account behind the token, before anything of it is mirrored (rule 15)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import SecretStr

from config.problems import SettingProblem, SettingsError
from config.settings import Settings
from rules.mirror.account import Identity, Recognition, fingerprint, recognise
from rules.model import ErrorKind, Problem
from storage.engine import readonly
from storage.engine.times import as_text
from storage.settings.account_rows import BASE_URL, FINGERPRINT, SALT, AccountRows

log = structlog.get_logger(__name__)

WAY_OUT = (
    "use another TESTIO_DB_PATH for this account, or the URL and token of the account that is "
    "mirrored; `testio-sync sync --nuke` with the new account replaces the mirror"
)


class AccountGuard:
    """Asked by the workers, on their threads; `refused` is for the daemon's own thread.

    Every method may raise StorageError.
    """

    def __init__(self, rows: AccountRows, base_url: str, token: SecretStr) -> None:
        self._rows = rows
        self._base_url = base_url
        self._token = token.get_secret_value()
        self._lock = threading.Lock()
        self._is_recorded = False
        self.refused: Problem | None = None

    @property
    def verified(self) -> bool:
        """Whether nothing speaks against writing: the account is the recorded one, or none is."""
        with self._lock:
            if not self._is_recorded:
                recorded, ours = self._identities()
                if recorded is None:
                    return True
                self._is_recorded = recorded == ours
            return self._is_recorded

    def check(self, listed_ids: Collection[int]) -> Problem | None:
        """Recognise the account by its products, and record it; a problem if it is another one."""
        with self._lock:
            if self._is_recorded:
                return None
            self.refused = self._recognise(listed_ids)
            self._is_recorded = self.refused is None
            return self.refused

    def _recognise(self, listed_ids: Collection[int]) -> Problem | None:
        recorded, ours = self._identities()
        word = recognise(recorded, ours, mirrored=self._rows.product_ids(), listed=listed_ids)
        if word is Recognition.REFUSE:
            return _refusal()
        if word is Recognition.ADOPT:
            self._rows.note(self.identity(), as_text(datetime.now(UTC)))
            log.info("account_recorded", base_url=self._base_url)
        return None

    def exchange(self, token: SecretStr, listed_ids: Collection[int]) -> Problem | None:
        """Go by a new token of the same account; for another account a problem, and no change."""
        with self._lock:
            before, self._token = self._token, token.get_secret_value()
            try:
                problem = self._recognise(listed_ids)
            except BaseException:
                self._token = before
                raise
            if problem is None:
                self._is_recorded, self.refused = True, None
            else:
                self._token = before
            return problem

    @property
    def is_known(self) -> bool:
        """Whether the database says whose mirror it is; before the first sync it does not."""
        with self._lock:
            return bool(self._rows.recorded())

    def identity(self) -> dict[str, str]:
        """How this account stands in `settings`; the salt is new each time."""
        salt = secrets.token_hex(16)
        return {
            BASE_URL: self._base_url,
            SALT: salt,
            FINGERPRINT: fingerprint(self._token, salt),
        }

    def _identities(self) -> tuple[Identity | None, Identity]:
        recorded = self._rows.recorded()
        salt = recorded.get(SALT, "")
        ours = Identity(base_url=self._base_url, fingerprint=fingerprint(self._token, salt))
        if not recorded:
            return None, ours
        return Identity(base_url=recorded[BASE_URL], fingerprint=recorded[FINGERPRINT]), ours


def refuse_another_url(rows: AccountRows, settings: Settings, path: Path) -> None:
    """Raise SettingsError where the database mirrors an account somewhere else."""
    _refuse_url(rows.recorded().get(BASE_URL), settings, path)


def require_same_account(settings: Settings) -> None:
    """The same for who only reads. Raises SettingsError."""
    with readonly.open_readonly(settings.db_path) as connection:
        row = connection.execute(
            "SELECT value FROM settings WHERE name = ?", (BASE_URL,)
        ).fetchone()
    _refuse_url(None if row is None else row["value"], settings, settings.db_path)


def _refuse_url(recorded: str | None, settings: Settings, path: Path) -> None:
    if recorded is None or recorded == settings.base_url:
        return
    problem = SettingProblem(
        name="TESTIO_CUSTOMER_API_BASE_URL",
        source=settings.origin("TESTIO_CUSTOMER_API_BASE_URL").source,
        shown=settings.base_url,
        expected=f"{recorded}, whose account {path} mirrors",
        hint=WAY_OUT,
    )
    raise SettingsError([problem])


def _refusal() -> Problem:
    return Problem(
        kind=ErrorKind.WRONG_ACCOUNT,
        message="this token belongs to another account: it sees none of the products that the "
        f"database mirrors. Nothing was changed; {WAY_OUT}",
    )
