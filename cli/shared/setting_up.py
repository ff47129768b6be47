"""Where `init` has its answers from: a person, or flags, environment and standard input."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from cli.usage import UsageError
from config.loading import load_settings
from config.problems import SettingsError
from config.settings import Settings
from config.token import NAME, TokenSource, checked_token, find_token, stays_with_its_url
from rules.diagnosis.catalogue import asked, code_of
from rules.model import ErrorKind

BASE_URL, DB_PATH = "TESTIO_CUSTOMER_API_BASE_URL", "TESTIO_DB_PATH"
URL = "Base URL of the Customer API"
REFUSALS = (ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN)
TRIES = 3
LONGEST_TOKEN = 65_536


class GaveUp(Exception):
    """The remote cannot be used as it was described; the text says why."""


class TokenRefused(GaveUp):
    """The remote does not take the token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What goes into the files. `products`: how many the token sees; None if it was not tried."""

    values: dict[str, str]
    token: SecretStr
    products: int | None


def collect(arguments: argparse.Namespace) -> Answers:
    """All answers, tried. Raises UsageError, SettingsError, GaveUp, EOFError, KeyboardInterrupt."""
    given = {BASE_URL: arguments.base_url, DB_PATH: arguments.db}
    flags = {name: value for name, value in given.items() if value is not None}
    if arguments.db is not None:
        _usable_path(flags, arguments.db)
    if sys.stdin.isatty() and not arguments.non_interactive:
        return _asked(arguments, flags)
    settings = _settings(flags)
    _usable_path(flags, str(settings.db_path))
    token = _token_without_asking(arguments, settings)
    return _answers(settings, token, _tried(settings, token, offline=arguments.offline))


def _settings(flags: dict[str, str]) -> Settings:
    """What flags and environment say, without the file that is to be written."""
    return load_settings(flags=flags, config_file=Path(os.devnull))


def _answers(settings: Settings, token: SecretStr, products: int | None) -> Answers:
    values = {BASE_URL: settings.base_url, DB_PATH: str(settings.db_path.absolute())}
    return Answers(values=values, token=token, products=products)


def _tried(settings: Settings, token: SecretStr, *, offline: bool) -> int | None:
    """How many products the token sees. Raises GaveUp."""
    if offline:
        return None
    stays_with_its_url(settings, token, "what you gave")
    from service.checkup.remote_check import ask_remote

    print(f"asking {settings.base_url} …", file=sys.stderr)
    facts = ask_remote(settings, token)
    if facts.failure is not None:
        from cli.screens.screen import harmless

        kind = TokenRefused if facts.failure in REFUSALS else GaveUp
        # To somebody who gives the token just now, where to put it is no advice.
        told = asked(code_of(facts.failure), facts.message, place="")
        action = "" if facts.failure is ErrorKind.UNAUTHORIZED else f" ({told.action})"
        raise kind(f"{harmless(facts.message)}{action}")
    return facts.products


def _usable_path(flags: dict[str, str], text: str) -> str:
    """The database's path in full. Raises UsageError where no database can be."""
    from service.checkup.doctor import database_flaw

    path = _settings({**flags, DB_PATH: text}).db_path.absolute()
    flaw = database_flaw(path)
    if flaw is not None:
        raise UsageError(flaw)
    return str(path)


# -- without a person --------------------------------------------------------------------------


def _token_without_asking(arguments: argparse.Namespace, settings: Settings) -> SecretStr:
    if arguments.token_file is not None:
        return _token_of_file(arguments.token_file)
    if settings.token is not None or settings.token_file is not None or sys.stdin.isatty():
        return find_token(settings)[1]
    return _token_of_stdin()


def _token_of_file(name: str) -> SecretStr:
    if name == "-":
        return _token_of_stdin()
    path = Path(name)
    try:
        with path.expanduser().open(encoding="utf-8") as file:
            text = file.read(LONGEST_TOKEN).strip()
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        known = error.strerror if isinstance(error, OSError) else str(error)
        reason = "it is not text" if isinstance(error, UnicodeDecodeError) else known
        raise UsageError(f"--token-file {path} cannot be read: {reason}") from error
    if not text:
        raise UsageError(f"--token-file {path} is empty; expected the token in it")
    return checked_token(text, TokenSource("the token", str(path)))


def _token_of_stdin() -> SecretStr:
    try:
        text = sys.stdin.read(LONGEST_TOKEN).strip()
    except UnicodeDecodeError as error:
        raise UsageError("what comes on standard input is no text; expected the token") from error
    if not text:
        raise UsageError(
            f"there is no token: give it on standard input, with --token-file or in {NAME}"
        )
    return checked_token(text, TokenSource("the token", "standard input"))


# -- with a person -----------------------------------------------------------------------------


def _asked(arguments: argparse.Namespace, flags: dict[str, str]) -> Answers:
    for tries_left in reversed(range(TRIES)):
        flags[BASE_URL] = arguments.base_url or _ask(URL, _settings(flags).base_url, _url)
        token = _asked_token(arguments)
        try:
            products = _tried(_settings(flags), token, offline=arguments.offline)
            break
        except GaveUp as error:
            if not tries_left or (arguments.base_url and arguments.token_file):
                raise
            if not isinstance(error, TokenRefused):
                flags.pop(BASE_URL)  # what has just failed is not what to offer next
            print(f"{error}\nOnce more, please; Ctrl-C ends this.", file=sys.stderr)
    if arguments.db is None:
        usual = str(_settings(flags).db_path)
        flags[DB_PATH] = _ask("Database", usual, lambda text: _usable_path(flags, text))
    return _answers(_settings(flags), token, products)


def _asked_token(arguments: argparse.Namespace) -> SecretStr:
    if arguments.token_file is not None:
        return _token_of_file(arguments.token_file)
    ambient = os.environ.get(NAME, "")
    or_enter = f"; Enter takes {NAME}" if ambient else ""
    while True:
        text = getpass.getpass(f"API token (not shown{or_enter}): ").strip() or ambient
        try:
            return checked_token(text, TokenSource("the token", "the keyboard"))
        except SettingsError as error:
            print(_plain(error), file=sys.stderr)


def _ask(what: str, default: str, check: Callable[[str], str]) -> str:
    """Ask until the answer is right. Raises EOFError at the end of the input."""
    while True:
        print(f"{what} [{default}]: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        try:
            return check(line.strip() or default)
        except SettingsError as error:
            print(_plain(error), file=sys.stderr)
        except UsageError as error:
            print(error, file=sys.stderr)


def _url(text: str) -> str:
    return _settings({BASE_URL: text}).base_url


def _plain(error: SettingsError) -> str:
    return "\n".join(f"expected: {problem.expected}" for problem in error.problems)
