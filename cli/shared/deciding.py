"""What `deletions` and `problems` share: their actions, and who carries a decision out."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cli.common import add_settings_flags, control_of, start_logging
from config.settings import Settings
from control.client import ControlClient
from control.errors import NoDaemon
from storage.engine import readonly
from storage.engine.errors import LockHeld

if TYPE_CHECKING:
    from service.daemon.operator import Operator

T = TypeVar("T")


def add_action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    *,
    has_json: bool = True,
) -> argparse.ArgumentParser:
    """One action of a verb, with the flags that all of them take."""
    parser = actions.add_parser(name, help=what, description=what, allow_abbrev=False)
    if has_json:
        parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_settings_flags(parser)
    return parser


def decide(settings: Settings, ask: Callable[[ControlClient | Operator], T]) -> T:
    """Ask the daemon if one runs, else carry it out here, under the writer lock."""
    with contextlib.suppress(NoDaemon):
        return ask(control_of(settings))
    with readonly.open_readonly(settings.db_path):
        pass  # a decision makes no database: there is nothing in it to decide on
    try:
        return _by_ourselves(settings, ask)
    except LockHeld:
        with contextlib.suppress(NoDaemon):
            return ask(control_of(settings))  # a daemon has come up meanwhile
        raise


def _by_ourselves(settings: Settings, ask: Callable[[Operator], T]) -> T:
    from service.daemon.operator import open_operator

    start_logging(settings, level="WARNING")
    with open_operator(settings) as operator:
        return ask(operator)
