"""Writes the tables of one moment, and puts the files in place when all of them are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from service.export.csv_file import write_csv
from storage.engine.atomic_file import private_file_beside, publish, refuse_existing
from storage.engine.errors import StorageError
from storage.reads.export_tables import ExportedColumn, batches, columns_of, snapshot

Write = Callable[[Path, Sequence[ExportedColumn], Iterable[Sequence[tuple[Any, ...]]]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file that was written."""

    table: str
    path: Path
    rows: int
    bytes: int


def writer_of(form: str, *, is_safe: bool) -> Write:
    """What writes a format. Raises ImportError where its library is not installed."""
    if form == "csv":
        return partial(write_csv, is_safe=is_safe)
    from service.export.parquet_file import write_parquet

    return write_parquet


def export(
    database: Path,
    targets: Mapping[str, Path],
    write: Write,
    *,
    deleted: bool = False,
    force: bool = False,
) -> list[Exported]:
    """Write each table into its file; all show the same moment, whatever is written meanwhile.

    Raises CannotPublish before anything is written where a file is in the way, StorageError
    where the database cannot be read, OSError where a file cannot be written.
    """
    for target in targets.values():
        refuse_existing(target, force=force)
    done = []
    with ExitStack() as stack, snapshot(database) as connection:
        written: list[tuple[str, Path, Path, int]] = []
        for table, target in targets.items():
            columns = columns_of(connection, table)
            if not columns:
                raise StorageError(f"{database} has no {table} yet; a sync brings it up to date")
            path = stack.enter_context(private_file_beside(target))
            rows = write(path, columns, batches(connection, table, columns, deleted=deleted))
            written.append((table, path, target, rows))
        for table, path, target, rows in written:
            size = path.stat().st_size
            publish(path, target, force=force)
            done.append(Exported(table=table, path=target, rows=rows, bytes=size))
    return done
