"""Changes what the daemon goes by while it runs: pauses, limits, and its configuration.

An operator's choice is on disk before it takes effect, so that a restart finds it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr

from actors.base import NoAnswer
from actors.system import ActorSystem
from config.logs import configure_logs
from config.problems import SettingsError
from config.settings import Settings
from control.errors import Refused
from control.protocol import ChoiceReply, ReloadReply, Word, WordReply
from rules.model import Outcome
from rules.run.events import EventName, SyncEvent
from rules.run.runtime_overrides import PREFIX, RuntimeOverrides, overrides_of
from service.account import AccountGuard
from service.configuration import Configuration, ReadAgain, differing, take_over
from service.remote_client import make_client
from service.store import Store
from service.systemd.sd_notify import SdNotify
from storage.engine.errors import StorageError
from storage.settings.override_rows import OverrideRows
from testio.client import TestioClient
from testio.errors import TestioError
from testio.limits import RequestScope, RetryBudget

log = structlog.get_logger("daemon")

TRIAL_SECONDS = 8.0
"""For the request that tries a new token; somebody waits for the answer."""
PATIENCE_SECONDS = 2.0
"""For another change to end."""
LOGGING = frozenset({"LOG_LEVEL", "LOG_FORMAT", "LOG_FILE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeControl:
    """Called from any thread outside the actors, one change at a time.

    Every method may raise NoAnswer, those that keep a choice StorageError.
    """

    configuration: Configuration
    rows: OverrideRows
    system: ActorSystem
    client: TestioClient
    account: AccountGuard
    read_again: ReadAgain
    sd_notify: SdNotify = field(default_factory=SdNotify)
    lock: threading.Lock = field(default_factory=threading.Lock)
    reloading: threading.Lock = field(default_factory=threading.Lock)

    # -- overrides ---------------------------------------------------------------------------

    def pause(self, seconds: float | None) -> WordReply:
        """No periodic runs for so long, or until resumed."""
        with self._alone():
            until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
            self._keep(self.configuration.overrides.pause(until))
            has_changed = self.system.pause(until)
            return WordReply(word=Word.PAUSED if has_changed else Word.ALREADY_PAUSED, until=until)

    def resume(self) -> WordReply:
        """Periodic runs again."""
        with self._alone():
            self._keep(self.configuration.overrides.resume())
            return WordReply(word=Word.RESUMED if self.system.resume() else Word.NOT_PAUSED)

    def set_interval(self, seconds: float | None) -> ChoiceReply:
        """Periodic runs every so many seconds, 0 for none; None: as configured."""
        live = self.configuration
        return self._choose("interval_seconds", seconds, lambda: live.interval_seconds)

    def set_concurrency(self, requests: int | None) -> ChoiceReply:
        """So many requests under way at once; None: as configured."""
        return self._choose("concurrency", requests, lambda: self.configuration.concurrency)

    def set_rate(self, per_second: int | None) -> ChoiceReply:
        """So many requests a second, 0 for no limit; None: as configured."""
        return self._choose(
            "requests_per_second", per_second, lambda: self.configuration.requests_per_second
        )

    def _choose(
        self, name: str, value: float | None, now_in_force: Callable[[], float]
    ) -> ChoiceReply:
        with self._alone():
            before, overrides = now_in_force(), self.configuration.overrides
            was_chosen = getattr(overrides, name)
            self._keep(overrides.choose(name, value))
            self.apply()  # whatever is kept: an earlier try may not have come so far
            after = now_in_force()
            if was_chosen != value:
                self._record(EventName.SETTING_CHANGED, name=name, value=after, before=before)
            word = Word.UNCHANGED if (before, was_chosen) == (after, value) else Word.CHANGED
            return ChoiceReply(word=word, value=after, before=before, chosen=value is not None)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time; nobody waits long, as the threads that wait answer others, too."""
        if not self.lock.acquire(timeout=PATIENCE_SECONDS):
            raise NoAnswer("another change is under way")
        try:
            yield
        finally:
            self.lock.release()

    def _keep(self, overrides: RuntimeOverrides) -> None:
        self.rows.write(overrides.as_rows(), at=datetime.now(UTC))
        self.configuration.overrides = overrides

    def apply(self) -> None:
        """Let everybody go by the configuration as it is now; the same again changes nothing."""
        live, settings = self.configuration, self.configuration.settings
        self.client.allow(
            connections=live.concurrency,
            requests_per_second=live.requests_per_second,
            timeout_seconds=settings.http_timeout_seconds,
            max_response_bytes=settings.max_response_bytes,
        )
        self.system.set_interval(live.interval_seconds)
        self.system.employ(live.concurrency)

    # -- reload --------------------------------------------------------------------------------

    def reload(self) -> ReloadReply:
        """Read settings and token again. Raises Refused where they are bad: the old ones stay."""
        if not self.reloading.acquire(timeout=PATIENCE_SECONDS):
            raise NoAnswer("another reload is under way")
        try:
            with self.sd_notify.reload():
                return self._reload()
        except Refused as error:
            self._record(EventName.RELOAD_REFUSED, Outcome.FAILED, reason=str(error))
            raise
        finally:
            self.reloading.release()

    def _reload(self) -> ReloadReply:
        live = self.configuration
        try:
            new = self.read_again()
        except SettingsError as error:
            raise Refused(f"the configuration stays as it was: {error}") from error
        settings, needs_restart = take_over(live.settings, new.settings)
        _refuse_log_file(settings.log_file)
        has_new_token = new.token.get_secret_value() != live.secret()
        listed = self._try_token(settings, new.token) if has_new_token else frozenset()
        with self._alone():
            if has_new_token:
                self._exchange(new.token, listed)
            changed = self._take_up(settings, new.token)
        if has_new_token:
            changed = [*dict.fromkeys([*changed, "TESTIO_CUSTOMER_API_TOKEN"])]
        word = Word.RELOADED if changed or needs_restart else Word.UNCHANGED
        self._record(EventName.RELOADED, settings=changed, needs_restart=needs_restart)
        return ReloadReply(word=word, changed=changed, needs_restart=needs_restart)

    def _take_up(self, settings: Settings, token: SecretStr) -> list[str]:
        live = self.configuration
        changed = differing(live.settings, settings)
        if LOGGING.intersection(changed):
            configure_logs(
                level=settings.log_level, log_format=settings.log_format, file=settings.log_file
            )
        live.settings, live.token = settings, token
        self.apply()
        return changed

    def _try_token(self, settings: Settings, token: SecretStr) -> frozenset[int]:
        """The products that the new token sees; within a few seconds, whatever the remote does."""
        if self.system.status().current is not None and not self.account.is_known:
            raise Refused(
                "the old token stays while the first run is at work; reload again when it has ended"
            )
        trial = settings.model_copy(
            update={"http_timeout_seconds": min(TRIAL_SECONDS, settings.http_timeout_seconds)}
        )
        client = make_client(trial, token.get_secret_value)
        scope = RequestScope(retries=RetryBudget(0))
        timer = threading.Timer(TRIAL_SECONDS, scope.cancellation.cancel)
        timer.start()
        try:
            listed = client.list_products(scope)
        except TestioError as error:
            raise Refused(f"the old token stays: with the new one {error}") from error
        finally:
            timer.cancel()
            client.close()
        unusable = (bad.record_id for bad in listed.bad_rows if bad.record_id is not None)
        return frozenset({*(each.id for each in listed.records), *unusable})

    def _exchange(self, token: SecretStr, listed: frozenset[int]) -> None:
        problem = self.account.exchange(token, listed)
        if problem is not None:
            raise Refused(f"the old token stays: {problem.message}")

    def _record(self, event: EventName, outcome: Outcome | None = None, **detail: object) -> None:
        self.system.event_queue.record(
            SyncEvent(at=datetime.now(UTC), event=event, outcome=outcome, detail=detail)
        )


def restore_overrides(configuration: Configuration, store: Store) -> OverrideRows:
    """Take up what an operator has chosen before; returns where it is kept. Raises StorageError."""
    rows = OverrideRows(store.database, PREFIX)
    configuration.overrides, unclear = overrides_of(rows.read())
    if unclear:
        log.warning("overrides_not_understood", names=list(unclear))
    return rows


def reload_by_signal(runtime: RuntimeControl) -> None:
    """On a thread of its own; what speaks against it stands in the log."""
    try:
        runtime.reload()
    except Refused:
        return  # recorded, and logged with it
    except (NoAnswer, StorageError) as error:
        log.error("reload_failed", reason=str(error))


def _refuse_log_file(path: Path | None) -> None:
    """Looked at before anything changes. Raises Refused."""
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        raise Refused(
            f"the configuration stays as it was: LOG_FILE {path} cannot be written to "
            f"({error.strerror})"
        ) from error
