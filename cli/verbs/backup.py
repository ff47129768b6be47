"""Copy the whole database into one file, as it is at this moment; a daemon may run and write.

The copy is checked and then put in place at once, readable by you alone. To restore: stop the
daemon, put the copy where the database was, without its -wal and -shm, and start again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.common import add_settings_flags, print_json, settings_of
from cli.shared.following import ended_by_signals

EXAMPLES = """\
  testio-sync backup ~/mirror-backup.db
  testio-sync backup --force /backups/testio-$(date +%u).db     # one for each day of the week
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync backup`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="where to put the copy")
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.add_argument("--json", action="store_true", help="print path, bytes and seconds as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Copy, check, say how large it is; 2 if FILE exists."""
    from cli.screens.screen import bytes_text
    from storage.engine.backup import back_up

    settings = settings_of(arguments)
    with ended_by_signals(), _progress() as progress:
        made = back_up(
            settings.db_path, arguments.file.absolute(), force=arguments.force, progress=progress
        )
    if arguments.json:
        print_json({"path": str(made.path), "bytes": made.bytes, "seconds": round(made.seconds, 3)})
    else:
        print(f"{made.path}: {bytes_text(made.bytes)} in {made.seconds:.1f} s, checked")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("copying")
        yield lambda done, total: bar.update(task, completed=done, total=total)
