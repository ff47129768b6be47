"""Show the daemon's log, wherever it goes, and follow it.

It finds LOG_FILE, a file that stderr goes to, and systemd's journal. On a terminal the lines are
made readable; elsewhere they are as the daemon wrote them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from cli.common import add_settings_flags, settings_of
from cli.logtail.log_finding import NoLog, find_log
from cli.logtail.log_journal import JournalTail, NoJournal
from cli.logtail.log_lines import LEVELS, LogFilter, as_json, pretty
from cli.logtail.log_tail import FileTail
from cli.shared.following import ended_by_signals, note, wait
from control.views import LogPlace, LogView
from service.exit_status import ExitStatus

EXAMPLES = """\
  testio-sync logs
  testio-sync logs --follow --level warning
  testio-sync logs --run 7 --lines 500
  testio-sync logs --json | jq -r .event
"""

POLL_SECONDS = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync logs`."""
    parser.add_argument("--follow", action="store_true", help="go on showing new lines")
    parser.add_argument(
        "--lines", type=_number, default=50, metavar="N", help="the last N lines (50)"
    )
    parser.add_argument(
        "--level", type=_level, metavar="LEVEL", help=f"at least this: {', '.join(LEVELS)}"
    )
    parser.add_argument("--run", type=_number, metavar="ID", help="only lines of this run")
    parser.add_argument("--product", type=_number, metavar="ID", help="only lines of this product")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--pretty", action="store_true", help="readable, also into a pipe")
    form.add_argument("--json", action="store_true", help="one JSON object a line, whatever it was")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Find the log and print it; following ends with a signal."""
    wanted = LogFilter(level=arguments.level, run_id=arguments.run, product_id=arguments.product)
    settings = settings_of(arguments)
    try:
        place = find_log(settings)
        with ended_by_signals():
            if place.place is LogPlace.FILE:
                _show_file(Path(place.name or ""), wanted, arguments)
            else:
                _show_journal(place, wanted, arguments)
    except (NoLog, NoJournal) as error:
        note(str(error))
        return ExitStatus.FAILED
    return ExitStatus.DONE


def _show_file(path: Path, wanted: LogFilter, arguments: argparse.Namespace) -> None:
    show = _printer(arguments)
    with closing(FileTail(path)) as tail:
        try:
            lines = tail.last(arguments.lines, wanted, whole=arguments.follow)
            show(lines)
            if not lines and not arguments.follow:
                note(f"{path} has no line to show")
        except FileNotFoundError as error:
            if not arguments.follow:
                raise NoLog(f"there is no log at {path} yet") from error
            note(f"waiting for {path}")
        except OSError as error:
            raise NoLog(f"{path} cannot be read: {error.strerror}") from error
        while arguments.follow:
            wait(POLL_SECONDS)
            show([line for line in tail.poll() if wanted(line)])


def _show_journal(place: LogView, wanted: LogFilter, arguments: argparse.Namespace) -> None:
    show = _printer(arguments)
    with closing(JournalTail(_match(place))) as tail:
        show(
            tail.last(arguments.lines, wanted, searches=not wanted.is_open, follow=arguments.follow)
        )
        while not tail.has_ended:
            wait(0)
            show([line for line in tail.poll() if wanted(line)])


def _match(place: LogView) -> list[str]:
    """What journalctl is to look for: a unit, or a field like `_PID=12`."""
    name = place.name or ""
    if "=" in name:
        return [name]
    return ["--user-unit" if place.place is LogPlace.USER_JOURNAL else "--unit", name]


def _printer(arguments: argparse.Namespace) -> Callable[[list[str]], None]:
    """Readable on a terminal, or as asked for; else the lines as they are."""
    if arguments.json or not (arguments.pretty or sys.stdout.isatty()):
        return lambda lines: _print_plain(lines, as_json if arguments.json else str)
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)

    def show(lines: list[str]) -> None:
        for line in lines:
            if line:
                console.print(pretty(line))
        sys.stdout.flush()

    return show


def _print_plain(lines: list[str], form: Callable[[str], str]) -> None:
    for line in lines:
        if line:
            print(form(line))
    sys.stdout.flush()


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"expected a whole number, e.g. 12; got {text!r}")
    return int(text)


def _level(text: str) -> str:
    if text.lower() not in LEVELS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(LEVELS)}; got {text!r}")
    return text.lower()
