"""Write tables as CSV or Parquet, all as of one moment; a daemon may run and write.

Rows marked as deleted are left out unless --deleted is given. Each file appears whole or not at
all, readable by you alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.common import add_settings_flags, print_json, settings_of
from cli.shared.following import ended_by_signals
from cli.usage import UsageError
from rules.text.nearest import nearest_word
from storage.reads.export_tables import TABLES

EXAMPLES = """\
  testio-sync export --to exported/
  testio-sync export tests bugs --to exported/ --format parquet
  testio-sync export freshness --to freshness.csv --force
"""

FORMATS = ("csv", "parquet")
MISSING = (
    "Parquet needs pyarrow, which is not installed here: "
    "pip install 'testio-sync[parquet]' (in the source folder: make install-extras)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync export`."""
    parser.add_argument(
        "tables",
        nargs="*",
        type=_table,
        metavar="TABLE",
        help=f"default: all of {', '.join(TABLES)}",
    )
    parser.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="PATH",
        help="a folder (made if it is not there), or for one table a file: NAME.csv, NAME.parquet",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="default: as the file's name says, or csv"
    )
    parser.add_argument("--deleted", action="store_true", help="also rows found to be gone")
    parser.add_argument(
        "--csv-safe",
        action="store_true",
        help="for spreadsheets: an apostrophe before text that begins with = + - @",
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--json", action="store_true", help="print the files as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Write the files, say what was written; 2 if a file exists or the extra is missing."""
    from service.export.exporting import export, writer_of

    settings = settings_of(arguments)
    tables = list(dict.fromkeys(arguments.tables)) or list(TABLES)
    form = _format(arguments)
    if arguments.csv_safe and form != "csv":
        raise UsageError("--csv-safe goes with CSV only")
    try:
        write = writer_of(form, is_safe=arguments.csv_safe)
    except ImportError as error:
        raise UsageError(MISSING) from error
    targets = _targets(arguments.to.absolute(), tables, form)
    with ended_by_signals(), _made(next(iter(targets.values())).parent, arguments.to):
        files = export(
            settings.db_path, targets, write, deleted=arguments.deleted, force=arguments.force
        )
    if arguments.json:
        print_json(
            [
                {"table": f.table, "path": str(f.path), "rows": f.rows, "bytes": f.bytes}
                for f in files
            ]
        )
        return 0
    from cli.screens.screen import bytes_text, make_console, make_table

    table = make_table("", "table", ">rows", ">size", "file")
    for file in files:
        table.add_row(file.table, f"{file.rows:,}", bytes_text(file.bytes), str(file.path))
    make_console().print(table)
    return 0


def _is_file(to: Path) -> bool:
    return to.suffix.lstrip(".") in FORMATS and not to.is_dir()


def _format(arguments: argparse.Namespace) -> str:
    named = arguments.to.suffix.lstrip(".") if _is_file(arguments.to) else None
    if arguments.format and named and arguments.format != named:
        raise UsageError(
            f"--to {arguments.to} and --format {arguments.format} contradict each other"
        )
    return arguments.format or named or "csv"


def _targets(to: Path, tables: Sequence[str], form: str) -> dict[str, Path]:
    """Where each table goes."""
    if _is_file(to):
        if len(tables) != 1:
            raise UsageError(f"{to} is one file; name one table, or a folder")
        return {tables[0]: to}
    return {table: to / f"{table}.{form}" for table in tables}


@contextmanager
def _made(folder: Path, to: Path) -> Iterator[None]:
    """The folder that was asked for, for its owner only; one that is new goes if nothing came."""
    is_new = not _is_file(to) and not os.path.lexists(folder)
    if not _is_file(to):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise


def _table(text: str) -> str:
    if text not in TABLES:
        near = nearest_word(text, TABLES)
        meant = f"; did you mean {near}?" if near else ""
        raise argparse.ArgumentTypeError(
            f"there is no table {text!r}{meant} (tables: {', '.join(TABLES)})"
        )
    return text
