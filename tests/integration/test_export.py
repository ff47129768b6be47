"""Exported tables have every row of one moment, with their types, in files that appear whole."""

from __future__ import annotations

import csv
import stat
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from service.export.csv_file import write_csv
from service.export.exporting import export, writer_of
from service.export.parquet_file import TYPES, write_parquet
from storage.engine.atomic_file import CannotPublish
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.reads import export_tables
from storage.reads.export_tables import TABLES, ColumnType, ExportedColumn, columns_of, snapshot
from storage.schema import metadata
from tests.rig import Rig

NOT_EXPORTED = {"settings"}
TEST = (
    "INSERT INTO tests (id, product_id, title, end_at, data, content_hash, first_seen_at,"
    " changed_at, synced_at, deleted_at) VALUES (?, 18, ?, ?, '{}', '', ?, ?, ?, ?)"
)
AT = "2026-01-31T08:15:00.000001Z"


@pytest.fixture
def filled(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Five tests, one of them deleted, one with a title for a spreadsheet; two rows a batch."""
    monkeypatch.setattr(export_tables, "BATCH", 2)
    titles = ['=HYPERLINK("http://x")', "-1", "plain\nover two lines", None, "gone"]
    with database.transaction() as connection:
        for number, title in enumerate(titles, start=1):
            gone = AT if title == "gone" else None
            end = None if number == 1 else AT
            values = (2**62 + number, title, end, AT, AT, AT, gone)
            connection.execute(TEST, values)
    return database


def all_targets(folder: Path, form: str) -> dict[str, Path]:
    return {table: folder / f"{table}.{form}" for table in TABLES}


def test_every_table_is_exported_and_every_column_has_its_type(database: Database) -> None:
    tables = {table.name for table in metadata.sorted_tables}
    assert set(TABLES) == (tables - NOT_EXPORTED) | {"freshness"}
    with snapshot(database.path) as connection:
        types = {(t, c.name): c.type for t in TABLES for c in columns_of(connection, t)}
    by_name = {column.name for table in metadata.sorted_tables for column in table.columns}
    times = {name for name in by_name if name.endswith(("_at", "_as_of", "_since", "_after"))}
    for (table, name), found in types.items():
        if name in times | {"at", "complete_from"}:
            assert found is ColumnType.TIME, (table, name)
        elif table != "freshness":
            declared = str(metadata.tables[table].c[name].type)
            expected = {"INTEGER": ColumnType.INTEGER, "FLOAT": ColumnType.REAL}
            assert found is expected.get(declared, ColumnType.TEXT), (table, name)
    assert types["freshness", "rows"] is types["freshness", "holes"] is ColumnType.INTEGER
    assert types["freshness", "age_seconds"] is ColumnType.REAL


def test_csv_holds_what_the_database_holds(filled: Database, tmp_path: Path) -> None:
    (done,) = export(filled.path, {"tests": tmp_path / "t.csv"}, writer_of("csv", is_safe=False))
    assert (done.rows, done.bytes) == (4, done.path.stat().st_size)
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    with done.path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == [
        '=HYPERLINK("http://x")',
        "-1",
        "plain\nover two lines",
        "",
    ]
    assert (rows[1]["id"], rows[1]["end_at"], rows[0]["end_at"]) == (str(2**62 + 2), AT, "")


def test_a_spreadsheet_is_given_no_formulas(filled: Database, tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    export(filled.path, {"tests": target}, writer_of("csv", is_safe=True), deleted=True)
    with target.open(newline="", encoding="utf-8") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    assert titles[:3] == ['\'=HYPERLINK("http://x")', "'-1", "plain\nover two lines"]
    assert titles[-1] == "gone"


def test_numbers_below_zero_are_no_formulas(tmp_path: Path) -> None:
    columns = (ExportedColumn("id", ColumnType.INTEGER), ExportedColumn("title", ColumnType.TEXT))
    write_csv(tmp_path / "t.csv", columns, [[(-5, "@x")]], is_safe=True)
    assert (tmp_path / "t.csv").read_text() == "id,title\n-5,'@x\n"


def test_parquet_has_types(filled: Database, tmp_path: Path) -> None:
    target = tmp_path / "t.parquet"
    export(filled.path, {"tests": target}, writer_of("parquet", is_safe=False))
    table = parquet.read_table(target)
    assert table.num_rows == 4
    assert parquet.ParquetFile(target).num_row_groups == 2
    assert table.schema.field("id").type == pyarrow.int64()
    assert table.schema.field("end_at").type == pyarrow.timestamp("us", tz="UTC")
    rows = table.to_pylist()
    assert rows[1]["end_at"] == datetime(2026, 1, 31, 8, 15, 0, 1, tzinfo=UTC)
    assert (rows[0]["id"], rows[0]["end_at"], rows[3]["title"]) == (2**62 + 1, None, None)


def test_empty_tables_keep_their_columns(database: Database, tmp_path: Path) -> None:
    export(database.path, {"bugs": tmp_path / "b.parquet"}, write_parquet)
    table = parquet.read_table(tmp_path / "b.parquet")
    assert (table.num_rows, table.schema.field("severity").type) == (0, TYPES[ColumnType.TEXT])


def test_a_value_of_a_wrong_type_is_named(tmp_path: Path) -> None:
    columns = (ExportedColumn("end_at", ColumnType.TIME),)
    with pytest.raises(StorageError, match="column end_at holds no time"):
        write_parquet(tmp_path / "t.parquet", columns, [[("yesterday",)]])


def test_all_tables_show_the_same_moment(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    """Between two tables another run changes the mirror."""
    rig = make_rig(products=2, features=2, tests=5)
    rig.sync()
    before = rig.sql("SELECT count(*) FROM tests")[0][0]
    seen: list[str] = []

    def write(path: Path, columns: Sequence[ExportedColumn], batches: Iterable[Any]) -> int:
        if len(seen) == 2:
            rig.simulator.mutate(action="add", kind="test", product_id=rig.products()[0])
            rig.sync()
        seen.append(path.name)
        return write_csv(path, columns, batches)

    done = {
        file.table: file for file in export(rig.database.path, all_targets(tmp_path, "csv"), write)
    }
    assert rig.sql("SELECT count(*) FROM tests")[0][0] == before + 1
    assert (done["tests"].rows, done["sync_runs"].rows) == (before, 1)


def test_where_one_file_is_in_the_way_or_one_fails_nothing_is_left(
    filled: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "tests.csv").write_text("precious")
    write = writer_of("csv", is_safe=False)
    with pytest.raises(CannotPublish, match="exists; --force"):
        export(filled.path, all_targets(folder, "csv"), write)

    def full(path: Path, columns: Sequence[ExportedColumn], batches: Iterable[Any]) -> int:
        if "sync_events" in path.name:
            raise OSError(28, "No space left on device")
        return write_csv(path, columns, batches)

    with pytest.raises(OSError, match="No space left"):
        export(filled.path, all_targets(folder, "csv"), full, force=True)
    assert [path.name for path in folder.iterdir()] == ["tests.csv"]
    assert (folder / "tests.csv").read_text() == "precious"
    export(filled.path, all_targets(folder, "csv"), write, force=True)
    assert len(list(folder.iterdir())) == len(TABLES)
