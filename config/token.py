"""Where the API token comes from: a systemd credential, else a private file, else a setting."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from config.dotenv import DOTENV
from config.files import rights_of_secret
from config.problems import NOWHERE, SettingProblem, SettingsError
from config.secrets import REDACTOR
from config.settings import Settings

CREDENTIAL = "testio-token"
"""The name to use with systemd's `LoadCredential`."""

SHORTEST = 8
"""Characters of a token; a shorter one could not be masked in logs without masking words."""

NAME = "TESTIO_CUSTOMER_API_TOKEN"
BASE_URL = "TESTIO_CUSTOMER_API_BASE_URL"
PROXY_URL = "TESTIO_PROXY_URL"


class TokenSource(NamedTuple):
    """Where a token stands: the name to look for, and what named it."""

    name: str
    source: str


def load_token(settings: Settings, environ: Mapping[str, str] | None = None) -> SecretStr:
    """The token, known to the redactor from now on. Raises SettingsError."""
    return find_token(settings, environ)[1]


def find_token(
    settings: Settings, environ: Mapping[str, str] | None = None
) -> tuple[str, SecretStr]:
    """Where the token was found, for people, and the token. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    place, token = _find(settings, environ)
    checked = checked_token(token, place)
    stays_with_its_url(settings, checked, place.source)
    return f"{place.name} (from {place.source})", checked


def checked_token(token: str, place: TokenSource) -> SecretStr:
    """The token, known to the redactor from now on. Raises SettingsError if it cannot be one."""
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        expected = f"one word of at least {SHORTEST} printable ASCII characters"
        raise _problem(place, "[secret]", expected)
    REDACTOR.add_token(token)
    return SecretStr(token)


def _find(settings: Settings, environ: Mapping[str, str]) -> tuple[TokenSource, str]:
    """What the token was found in, and the token."""
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and (credential := Path(folder) / CREDENTIAL).is_file():
        place = TokenSource(f"the credential {CREDENTIAL}", str(credential))
        return place, _read(credential, place)
    token = "" if settings.token is None else settings.token.get_secret_value().strip()
    here = TokenSource(NAME, NOWHERE if settings.token is None else settings.origin(NAME).source)
    if settings.token_file is not None and not (token and _comes_first(settings)):
        source = settings.origin(f"{NAME}_FILE").source
        place = TokenSource(f"{NAME}_FILE ({settings.token_file})", source)
        return place, read_private(settings.token_file, TokenSource(f"{NAME}_FILE", source))
    if not token:
        expected = (
            f"the account's API token; `testio-sync init` asks for it, or set {NAME}, "
            f"or {NAME}_FILE to a file that holds it"
        )
        raise _problem(here, None, expected)
    return here, token


def _comes_first(settings: Settings) -> bool:
    """Whether the token itself has a better source than the file's name.

    Of the same source the file comes first, but of a `.env`, which may name anybody's file.
    """
    token, file = settings.origin(NAME), settings.origin(f"{NAME}_FILE")
    return token.rank < file.rank or token.source == file.source == DOTENV


def stays_with_its_url(settings: Settings, token: SecretStr, source: str) -> None:
    """Raise SettingsError where a folder's `.env` would send a token that does not stand in it.

    The file may have come with somebody's project; every other token, of the environment too,
    goes where its own configuration says. `source`: where the token is from, for people.
    """
    given = settings.token
    is_its_own = given is not None and given.get_secret_value().strip() == token.get_secret_value()
    if is_its_own and settings.origin(NAME).source == DOTENV:
        return
    for name, shown in ((BASE_URL, settings.base_url), (PROXY_URL, None)):
        if settings.origin(name).source == DOTENV:
            expected = (
                f"no such line beside a token from elsewhere ({source}); "
                "put the token into the same file, or the URL where the token is"
            )
            raise SettingsError(
                [SettingProblem(name=name, source=DOTENV, shown=shown, expected=expected)]
            )


def read_private(path: Path, place: TokenSource) -> str:
    """The token in a file of ours that only we can read, or of root's. Raises SettingsError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _problem(place, str(path), "a regular file that holds the token")
        if status.st_uid not in (os.getuid(), 0):
            raise _problem(place, str(path), "a file that belongs to you or to root")
        if stat.S_IMODE(status.st_mode) & ~rights_of_secret(status):
            expected = f"a file that only its owner can read; mend it with: chmod 600 {path}"
            raise _problem(place, str(path), expected)
    except OSError as error:
        raise _problem(place, str(path), f"a readable file ({error.strerror})") from error
    return _read(path, place)


def _read(path: Path, place: TokenSource) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise _problem(place, str(path), f"a readable file ({reason})") from error
    if not token:
        raise _problem(place, str(path), "a file that holds the token; it is empty")
    return token


def _problem(place: TokenSource, shown: str | None, expected: str) -> SettingsError:
    return SettingsError(
        [SettingProblem(name=place.name, source=place.source, shown=shown, expected=expected)]
    )
