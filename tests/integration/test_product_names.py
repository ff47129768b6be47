"""Names of products for the log: read at most once a minute, and never a failure."""

from __future__ import annotations

from pathlib import Path

from service.product_names import ProductNames
from storage.engine.database import Database

INSERT = (
    "INSERT INTO products (id, name, has_sections, section_ids, data, content_hash,"
    " first_seen_at, changed_at, synced_at) VALUES (?, ?, 0, '[]', '{}', '', 'x', 'x', 'x')"
)


def test_names_are_those_of_the_mirror_as_of_a_minute_ago(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(INSERT, (4, "Website"))
    names = ProductNames(database.path)
    assert (names.of(4), names.of(5)) == ("Website", None)
    with database.transaction() as connection:
        connection.execute(INSERT, (5, "App"))
    assert names.of(5) is None
    names._read_at = 0.0
    assert names.of(5) == "App"


def test_without_a_database_there_are_no_names(tmp_path: Path) -> None:
    assert ProductNames(tmp_path / "none.db").of(4) is None
