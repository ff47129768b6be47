"""What several verbs share: the flags for settings, and finding the daemon."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.loading import load_settings
from config.problems import SettingProblem, SettingsError
from config.settings import Settings
from service.daemon_address import control_of as control_of

CONFIG_HELP = (
    "a TOML file with settings (default: ~/.config/testio-sync/config.toml, if it is there)"
)
ONLY_THESE_PRODUCTS = "only these products (default: TESTIO_PRODUCT_IDS, else all)"


def add_settings_flags(parser: argparse.ArgumentParser) -> None:
    """The flags that every verb takes; they come before all other sources of settings."""
    group = parser.add_argument_group("settings")
    group.add_argument("--config", type=Path, metavar="FILE", help=CONFIG_HELP)
    group.add_argument("--db", metavar="FILE", help="the database (TESTIO_DB_PATH)")


def add_log_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of verbs that log."""
    group = parser.add_argument_group("logging")
    group.add_argument(
        "--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR (LOG_LEVEL)"
    )
    group.add_argument("--log-format", metavar="FORMAT", help="json, console or auto (LOG_FORMAT)")


def settings_of(arguments: argparse.Namespace, **more: Any) -> Settings:
    """The settings, the flags given first. Raises SettingsError."""
    given = {
        "TESTIO_DB_PATH": arguments.db,
        "LOG_LEVEL": getattr(arguments, "log_level", None),
        "LOG_FORMAT": getattr(arguments, "log_format", None),
        **more,
    }
    flags = {name: value for name, value in given.items() if value is not None}
    return load_settings(flags=flags, config_file=arguments.config)


def start_logging(settings: Settings, *, level: str | None = None) -> None:
    """Set logging up as the settings say. Raises SettingsError for an unusable LOG_FILE."""
    import structlog

    from config.logs import configure_logs

    try:
        configure_logs(
            level=level or settings.log_level,
            log_format=settings.log_format,
            file=settings.log_file,
        )
    except OSError as error:
        problem = SettingProblem(
            name="LOG_FILE",
            source=settings.origin("LOG_FILE").source,
            shown=str(settings.log_file),
            expected=f"a file that can be written to ({error.strerror})",
        )
        raise SettingsError([problem]) from error
    for warning in settings.warnings:
        structlog.get_logger("config").warning(
            "setting_unknown", name=warning.name, source=warning.source, hint=warning.hint
        )


LONGEST_NUMBER = 20
"""Digits; zeros in front could hide a number that is too large."""


def whole_number(text: str) -> int:
    """An id or a count on the command line: 1 or more, and not more than SQLite can hold."""
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    if not (is_number and 1 <= int(text) < 2**63):
        raise argparse.ArgumentTypeError(
            f"expected a whole number of 1 or more, like 18; got {text!r}"
        )
    return int(text)


class _Flat(argparse.Action):
    """`18 42` and `18,42` are the same ids."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        setattr(namespace, self.dest, [number for each in values for number in each])


def _numbers(text: str) -> list[int]:
    return [whole_number(word) for word in text.rstrip(",").split(",")]


def add_ids(parser: argparse.ArgumentParser, flag: str, *, what: str) -> None:
    """A flag that takes ids, apart or with commas between them; `what` is its help."""
    parser.add_argument(flag, nargs="+", action=_Flat, type=_numbers, metavar="ID", help=what)


def add_product_ids(parser: argparse.ArgumentParser, *, what: str) -> None:
    """The flag that narrows a verb to some products; `what` is its help."""
    add_ids(parser, "--product-ids", what=what)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, default=str))


def log_level(settings: Settings, *, verbose: bool) -> str | None:
    """A command that ends by itself logs little, unless it is told otherwise; None: as set."""
    if "log_level" in settings.model_fields_set:
        return None
    return "INFO" if verbose else "WARNING"


@contextmanager
def cancelled_by_signal() -> Iterator[threading.Event]:
    """The first signal cancels the run; a second one ends the process."""
    cancel = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    previous = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield cancel
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
