"""Rows that come as parts of another record: sections, user stories, where a feature stands.

They are rewritten with the record they belong to, and marked as deleted when it no longer has
them; what it does not tell of stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from rules.records import FeatureRecord, ProductRecord, Record

Values = dict[str, object]


def store_parts(connection: Connection, records: Sequence[Record], now: str) -> None:
    """Write the parts of records that are new or have changed; all of them are of one kind."""
    if not records or not isinstance(records[0], ProductRecord | FeatureRecord):
        return
    products = [record for record in records if isinstance(record, ProductRecord)]
    features = [record for record in records if isinstance(record, FeatureRecord)]
    if products:
        owners = [product.id for product in products]
        _replace(connection, SECTIONS, owners, _sections_of(products, now), now)
        _unsettle(connection, owners, now)
    if features:
        placed = [feature.id for feature in features if feature.section_ids is not None]
        _replace(connection, LINKS, placed, _links_of(features, now), now)
        told = [feature.id for feature in features if feature.user_stories is not None]
        _replace(connection, STORIES, told, _stories_of(features, now), now)


def drop_parts(connection: Connection, table: str, owner_ids: Iterable[int], now: str) -> None:
    """Mark the parts of rows that are gone; `table` is that of the owners."""
    ids = json.dumps(list(owner_ids))
    for mark, _ in {"products": [SECTIONS], "features": [LINKS, STORIES]}.get(table, []):
        connection.execute(mark, {"now": now, "owners": ids})


def _unsettle(connection: Connection, products: list[int], now: str) -> None:
    """Where sections came up or went, no feature stands in what is gone, and it is not known
    any more in which ones the features stand: the sections are asked again."""
    for statement in (DROP_LINKS, FORGET_SECTIONS):
        connection.execute(statement, {"now": now, "owners": json.dumps(products)})


def _replace(
    connection: Connection,
    statements: tuple[str, str],
    owners: Iterable[int],
    rows: list[Values],
    now: str,
) -> None:
    mark, upsert = statements
    connection.execute(mark, {"now": now, "owners": json.dumps(list(owners))})
    if rows:
        connection.executemany(upsert, rows)


def _sections_of(products: Iterable[ProductRecord], now: str) -> list[Values]:
    return [
        {"id": section.id, "product_id": product.id, "name": section.name, "now": now}
        for product in products
        for section in product.sections
    ]


def _links_of(features: Iterable[FeatureRecord], now: str) -> list[Values]:
    return [
        {"feature_id": feature.id, "section_id": section_id, "now": now}
        for feature in features
        for section_id in feature.section_ids or ()
    ]


def _stories_of(features: Iterable[FeatureRecord], now: str) -> list[Values]:
    return [
        {
            "id": story.id,
            "feature_id": feature.id,
            "title": story.title,
            "path": story.path,
            "now": now,
        }
        for feature in features
        for story in feature.user_stories or ()
    ]


# First all parts of the owners are marked, then those that are still there come back: a part
# that was marked in this very transaction has not changed.

SECTIONS = (
    "UPDATE sections SET deleted_at = :now WHERE deleted_at IS NULL"
    " AND product_id IN (SELECT value FROM json_each(:owners))",
    """
    INSERT INTO sections (id, product_id, name, first_seen_at, changed_at)
    VALUES (:id, :product_id, :name, :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        changed_at = CASE WHEN name IS excluded.name AND product_id = excluded.product_id
            AND deleted_at = :now THEN changed_at ELSE :now END,
        product_id = excluded.product_id, name = excluded.name, deleted_at = NULL
    """,
)

LINKS = (
    "UPDATE feature_sections SET deleted_at = :now WHERE deleted_at IS NULL"
    " AND feature_id IN (SELECT value FROM json_each(:owners))",
    """
    INSERT INTO feature_sections (feature_id, section_id, first_seen_at, changed_at)
    VALUES (:feature_id, :section_id, :now, :now)
    ON CONFLICT (feature_id, section_id) DO UPDATE SET
        changed_at = CASE WHEN deleted_at = :now THEN changed_at ELSE :now END, deleted_at = NULL
    """,
)

CHANGED = (
    "FROM sections WHERE product_id IN (SELECT value FROM json_each(:owners))"
    " AND (deleted_at = :now OR (deleted_at IS NULL AND changed_at = :now))"
)
DROP_LINKS = (
    "UPDATE feature_sections SET deleted_at = :now WHERE deleted_at IS NULL AND section_id IN"
    f" (SELECT id {CHANGED} AND deleted_at = :now)"
)
FORGET_SECTIONS = (
    "UPDATE sync_cursors SET sections_as_of = NULL WHERE kind = 'features' AND product_id IN"
    f" (SELECT product_id {CHANGED})"
)

STORIES = (
    "UPDATE user_stories SET deleted_at = :now WHERE deleted_at IS NULL"
    " AND feature_id IN (SELECT value FROM json_each(:owners))",
    """
    INSERT INTO user_stories (id, feature_id, title, path, first_seen_at, changed_at)
    VALUES (:id, :feature_id, :title, :path, :now, :now)
    ON CONFLICT (id) DO UPDATE SET
        changed_at = CASE WHEN title IS excluded.title AND path IS excluded.path
            AND feature_id = excluded.feature_id AND deleted_at = :now
            THEN changed_at ELSE :now END,
        feature_id = excluded.feature_id, title = excluded.title, path = excluded.path,
        deleted_at = NULL
    """,
)
