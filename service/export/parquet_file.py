"""Tables as Parquet, with types: 64-bit integers, times in UTC to the microsecond, text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from storage.engine.errors import StorageError
from storage.reads.export_tables import ColumnType, ExportedColumn

TYPES = {
    ColumnType.INTEGER: pyarrow.int64(),
    ColumnType.REAL: pyarrow.float64(),
    ColumnType.TIME: pyarrow.timestamp("us", tz="UTC"),
    ColumnType.TEXT: pyarrow.string(),
}


def write_parquet(
    path: Path, columns: Sequence[ExportedColumn], batches: Iterable[Sequence[tuple[Any, ...]]]
) -> int:
    """Write all rows, a row group for each batch; how many there were.

    Raises OSError, and StorageError where a value is not of its column's type.
    """
    schema = pyarrow.schema([(column.name, TYPES[column.type]) for column in columns])
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in batches:
            values = zip(*rows, strict=True)
            arrays = [_array(column, cells) for column, cells in zip(columns, values, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            count += len(rows)
    return count


def _array(column: ExportedColumn, cells: Sequence[Any]) -> Any:
    try:
        if column.type is ColumnType.TIME:
            cells = [None if cell is None else datetime.fromisoformat(cell) for cell in cells]
        return pyarrow.array(cells, type=TYPES[column.type])
    except (ValueError, TypeError, pyarrow.ArrowException) as error:
        raise StorageError(f"column {column.name} holds no {column.type}: {error}") from error
