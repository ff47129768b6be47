"""Makes the contents of rows anew, by the one function of this version of the program.

After each change of the schema: so a row that an earlier version wrote, by another hash, is no
change when the remote tells it again. A migration step that made hashes itself would need a copy
of that function, which is wrong as soon as the function changes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from rules.contents import stored_form
from rules.model import Kind
from storage.schema import TABLES

BATCH = 1_000


def renew_contents(connection: Connection) -> int:
    """Rewrite rows that are not as this version stores them; returns how many.

    Rows without a hash, which a rebuild has saved, stay so: the next sync writes them anew.
    """
    return sum(_renew(connection, kind, table) for kind, table in TABLES.items())


def _renew(connection: Connection, kind: Kind, table: Table) -> int:
    written = 0
    statement = (
        update(table)
        .where(table.c.id == bindparam("of"))
        .values(data=bindparam("text"), content_hash=bindparam("hash"))
    )
    for rows in _batches(connection, table):
        others = []
        for key, data, content_hash in rows:
            text, digest = _renewed(kind, data) or (data, content_hash)
            if (text, digest) != (data, content_hash):
                others.append({"of": key, "text": text, "hash": digest})
        if others:
            connection.execute(statement, others)
        written += len(others)
    return written


def _renewed(kind: Kind, data: str) -> tuple[str, str] | None:
    """None for what is no record: it stays for `rebuild` to find, and for a sync to write anew."""
    try:
        payload = json.loads(data)
        return stored_form(kind, payload) if isinstance(payload, dict) else None
    except (ValueError, RecursionError):
        return None


def _batches(connection: Connection, table: Table) -> Iterator[list[tuple[int, str, str]]]:
    last = None
    while True:
        query: Any = select(table.c.id, table.c.data, table.c.content_hash).limit(BATCH)
        query = query.where(table.c.content_hash != "").order_by(table.c.id)
        if last is not None:
            query = query.where(table.c.id > last)
        rows = [(row[0], row[1], row[2]) for row in connection.execute(query)]
        if not rows:
            return
        yield rows
        last = rows[-1][0]
