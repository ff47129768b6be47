"""Puts the rows of an attached database in the place of ours, within one transaction.

What the mirror alone knows is kept: since when it has a row, and when its content last changed.
"""

from __future__ import annotations

from sqlite3 import Connection

from sqlalchemy import Table

from storage.schema import (
    TABLES,
    bugs,
    feature_sections,
    features,
    held_deletions,
    products,
    quarantine,
    sections,
    sync_cursors,
    test_metrics,
    tests,
    user_stories,
)

ENTITIES = (products, features, tests)
PARTS = (sections, feature_sections, user_stories)
NOTES = (quarantine, held_deletions)
OF_TESTS = (bugs, test_metrics)
OF_FEATURES = tuple((part, "feature_id", features) for part in (feature_sections, user_stories))
assert {*ENTITIES} < {*TABLES.values()}


def replace_rows(connection: Connection, staged: str) -> None:
    """Replace the mirror and its cursors; what single fetches brought stays with its tests."""
    _keep_unreadable(connection, staged)
    for table in ENTITIES:
        connection.execute(_keep("changed_at", table, staged, if_same_content=True))
    for table in (*ENTITIES, *PARTS):
        connection.execute(_keep("first_seen_at", table, staged))
    for statement in (_note_failures(staged), _keep_failures(staged), _keep_unread(staged)):
        connection.execute(statement)
    for table in (*ENTITIES, *PARTS, sync_cursors):
        _replace(connection, table, staged, [column.name for column in table.columns])
    for table in NOTES:  # their ids are ours to give, and are never used again
        _replace(connection, table, staged, [c.name for c in table.columns if not c.primary_key])
    _take_over(connection, test_metrics, staged)
    for table in OF_TESTS:
        connection.execute(
            f"DELETE FROM main.{table.name} WHERE test_id NOT IN (SELECT id FROM main.tests)"
        )
    connection.execute("DELETE FROM main.fetches")


def _keep_unreadable(connection: Connection, staged: str) -> None:
    """Rows of a list with records that could not be read stay as they were.

    No listing vouches for them: the next runs find out which of them are still there.
    """
    for table in ENTITIES:
        columns = [c.name for c in table.columns]
        names = ", ".join(columns)
        theirs = ", ".join("NULL" if name == "listed_in" else name for name in columns)
        owner = "product_id" if "product_id" in columns else "0"
        connection.execute(
            f"INSERT OR IGNORE INTO {staged}.{table.name} ({names})"
            f" SELECT {theirs} FROM main.{table.name} WHERE deleted_at IS NULL AND {owner} IN"
            f" (SELECT product_id FROM {staged}.quarantine"
            f" WHERE kind = '{table.name}' AND resolved_at IS NULL)"
        )
    for part, key, whole in ((sections, "product_id", products), *OF_FEATURES):
        names = ", ".join(column.name for column in part.columns)
        connection.execute(
            f"INSERT OR IGNORE INTO {staged}.{part.name} ({names})"
            f" SELECT {names} FROM main.{part.name} WHERE deleted_at IS NULL AND {key} IN"
            f" (SELECT id FROM {staged}.{whole.name} WHERE listed_in IS NULL)"
        )


def _replace(connection: Connection, table: Table, staged: str, columns: list[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    connection.execute(f"DELETE FROM main.{table.name}")
    connection.execute(
        f"INSERT INTO main.{table.name} ({names}) SELECT {names} FROM {staged}.{table.name}"
    )


def _take_over(connection: Connection, table: Table, staged: str) -> None:
    """Rows of the staging file in the place of ours, which are kept where it has none."""
    names = ", ".join(column.name for column in table.columns)
    connection.execute(
        f"INSERT OR REPLACE INTO main.{table.name} ({names})"
        f" SELECT {names} FROM {staged}.{table.name}"
    )


def _keep(column: str, table: Table, staged: str, *, if_same_content: bool = False) -> str:
    """Take one column over from our row, in the staging file: that is thrown away anyhow."""
    name = table.name
    same = " AND ".join(f"ours.{c.name} = {name}.{c.name}" for c in table.primary_key.columns)
    if if_same_content:
        same += f" AND ours.content_hash = {name}.content_hash AND ours.deleted_at IS NULL"
        if table is features:  # unknown, now or before, is no change
            same += f" AND coalesce(ours.section_ids = {name}.section_ids, 1)"
    return (
        f"UPDATE {staged}.{name} SET {column} = coalesce("
        f"(SELECT ours.{column} FROM main.{name} AS ours WHERE {same}), {column})"
    )


FAILURE = ("last_outcome", "last_error", "consecutive_failures", "failing_since")
"""What the log of events notes in our cursors, while the pages go to the staged ones."""


def _note_failures(staged: str) -> str:
    """A product that came out partial is failing, also where we have no cursor to say so yet."""
    return (
        f"UPDATE {staged}.sync_cursors SET consecutive_failures = 1, failing_since = updated_at,"
        " last_error = 'bad_rows: some records could not be used'"
        " WHERE last_outcome = 'partial' AND failing_since IS NULL"
    )


def _keep_failures(staged: str) -> str:
    """A product that came out partial in this run may be marked as failing already."""
    columns = ", ".join(f"ours.{name}" for name in FAILURE)
    return (
        f"UPDATE {staged}.sync_cursors AS fresh SET ({', '.join(FAILURE)}) = ({columns})"
        " FROM main.sync_cursors AS ours"
        " WHERE ours.product_id = fresh.product_id AND ours.kind = fresh.kind"
        " AND fresh.last_outcome IS NOT 'complete' AND ours.failing_since IS NOT NULL"
    )


def _keep_unread(staged: str) -> str:
    """The same for a product of which nothing was stored."""
    names = ", ".join(("product_id", "kind", *FAILURE, "updated_at"))
    return (
        f"INSERT OR IGNORE INTO {staged}.sync_cursors ({names})"
        f" SELECT {names} FROM main.sync_cursors"
        " WHERE failing_since IS NOT NULL"
        f" AND product_id IN (SELECT id FROM {staged}.products WHERE deleted_at IS NULL)"
        " AND kind IN ('features', 'tests')"
    )
