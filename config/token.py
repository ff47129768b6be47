"""Where the API token comes from: a systemd credential, else a private file, else a setting."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from config.problems import SettingProblem, SettingsError
from config.secrets import REDACTOR
from config.settings import Settings

CREDENTIAL = "testio-token"
"""The name to use with systemd's `LoadCredential`."""

SHORTEST = 8
"""Characters of a token; a shorter one could not be masked in logs without masking words."""

NAME = "TESTIO_CUSTOMER_API_TOKEN"


def load_token(settings: Settings, environ: Mapping[str, str] | None = None) -> SecretStr:
    """The token, known to the redactor from now on. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    name, token = _find(settings, environ)
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        expected = f"one word of at least {SHORTEST} printable ASCII characters"
        raise _problem(name, "[secret]", expected)
    REDACTOR.add(token)
    return SecretStr(token)


def _find(settings: Settings, environ: Mapping[str, str]) -> tuple[str, str]:
    """What the token was found in, for people, and the token."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and (credential := Path(folder) / CREDENTIAL).is_file():
        name = f"the credential {CREDENTIAL}"
        return name, _read(credential, name)
    if settings.token_file is not None:
        return f"{NAME}_FILE ({settings.token_file})", _read_private(settings.token_file)
    token = "" if settings.token is None else settings.token.get_secret_value().strip()
    if not token:
        expected = f"the account's API token; set {NAME}, or {NAME}_FILE to a file that holds it"
        raise _problem(NAME, None, expected)
    return NAME, token


def _read_private(path: Path) -> str:
    name = f"{NAME}_FILE"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _problem(name, str(path), "a regular file that holds the token")
        if status.st_uid not in (os.getuid(), 0):
            raise _problem(name, str(path), "a file that belongs to you or to root")
        if stat.S_IMODE(status.st_mode) & 0o077:
            expected = f"a file that only its owner can read; mend it with: chmod 600 {path}"
            raise _problem(name, str(path), expected)
    except OSError as error:
        raise _problem(name, str(path), f"a readable file ({error.strerror})") from error
    return _read(path, name)


def _read(path: Path, name: str) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise _problem(name, str(path), f"a readable file ({reason})") from error
    if not token:
        raise _problem(name, str(path), "a file that holds the token; it is empty")
    return token


def _problem(name: str, shown: str | None, expected: str) -> SettingsError:
    return SettingsError(
        [SettingProblem(name=name, source="the configuration", shown=shown, expected=expected)]
    )
