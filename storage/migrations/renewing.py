"""Makes the contents of rows anew, by the functions of this version of the program.

After each change of the schema: so a row that an earlier version wrote, by another hash or with
what grants access to a test environment, is no change when the remote tells it again. A migration
step that did it itself would need copies of those functions, which are wrong as soon as they
change.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection, connect

from rules.mirror.contents import as_json, stored_form
from rules.mirror.secret_keys import may_hold_secrets, without_secrets
from rules.model import Kind
from storage.schema import TABLES

BATCH = 1_000
SCRUBBED = 6
"""The `user_version` of a file without passwords of test environments, its free pages included.

Earlier versions of the program left it 0; it stands in the head of every copy, too.
"""
USER_VERSION = slice(60, 64)
"""Where it stands in the head of a file."""

NOT_KEPT = "not kept: what an earlier version stored here may hold a password"

Row = tuple[int, str, str]


def renew_contents(connection: Connection) -> int:
    """Rewrite rows that are not as this version stores them; returns how many.

    Rows without a hash, which a rebuild has saved, stay so: the next sync writes them anew.
    """
    written = sum(_rewrite(connection, kind, _renewed) for kind in TABLES)
    return written + _scrub_others(connection)


def scrub_copy(path: Path) -> None:
    """Take what grants access out of a copy of an older schema, and out of its free pages.

    There is no log or journal meanwhile: who is interrupted throws the copy away. Raises
    sqlite3.Error.
    """
    with closing(connect(path, isolation_level=None)) as copy:
        for pragma in ("journal_mode = DELETE", "journal_mode = OFF", "secure_delete = ON"):
            copy.execute(f"PRAGMA {pragma}").fetchall()
        copy.execute("BEGIN")
        for kind, table in TABLES.items():
            if _is_there(copy, table.name):
                _rewrite(copy, kind, _scrubbed)
        _scrub_others(copy)
        copy.execute(f"PRAGMA user_version = {SCRUBBED}")
        copy.execute("COMMIT")
        copy.execute("VACUUM")


def text_without_secrets(text: str) -> str:
    """A stored JSON text without what grants access; what is no JSON is not kept if it may."""
    try:
        payload = json.loads(text)
        kept = without_secrets(payload)
        if kept == payload:
            return text
        return as_json(kept) if isinstance(kept, dict) else json.dumps(kept)
    except (ValueError, RecursionError):
        return "null" if may_hold_secrets(text) else text


def excerpt_without_secrets(text: str) -> str:
    """The start of a record as Python shows it: it cannot be read again, so all or nothing."""
    return NOT_KEPT if may_hold_secrets(text) else text


def _renewed(kind: Kind, row: Row) -> Row:
    key, data, content_hash = row
    made = _stored(kind, data)
    if made is None:  # it stays for `rebuild` to find, and for a sync to write anew
        return key, text_without_secrets(data), content_hash
    return key, made[0], made[1] if content_hash else ""


def _scrubbed(kind: Kind, row: Row) -> Row:
    """Nothing but what grants access changes: the rest is as the older program knows it."""
    key, data, content_hash = row
    text = text_without_secrets(data)
    made = None if text == data or not content_hash else _stored(kind, text)
    return key, text, content_hash if made is None else made[1]


def _stored(kind: Kind, data: str) -> tuple[str, str] | None:
    try:
        payload = json.loads(data)
        is_record = isinstance(payload, dict)
        return stored_form(kind, without_secrets(payload)) if is_record else None
    except (ValueError, RecursionError):
        return None


def _rewrite(connection: Connection, kind: Kind, made: Callable[[Kind, Row], Row]) -> int:
    """Write those rows that are made otherwise than they are stored; returns how many."""
    written, last, name = 0, None, TABLES[kind].name
    select = f"""SELECT id, data, content_hash FROM {name}
        WHERE (?1 IS NULL OR id > ?1) AND typeof(data) = 'text' ORDER BY id LIMIT {BATCH}"""
    update = f"UPDATE {name} SET data = ?2, content_hash = ?3 WHERE id = ?1"
    while rows := connection.execute(select, (last,)).fetchall():
        changed = [new for row in rows if (new := made(kind, row)) != row]
        connection.executemany(update, changed)
        written, last = written + len(changed), rows[-1][0]
    return written


def _scrub_others(connection: Connection) -> int:
    """Metrics of tests and the excerpts of records that were set aside."""
    written = 0
    for name, key, column, clean in (
        ("test_metrics", "test_id", "data", text_without_secrets),
        ("quarantine", "id", "excerpt", excerpt_without_secrets),
    ):
        if not _is_there(connection, name):
            continue
        found = connection.execute(f"SELECT {key}, {column} FROM {name}").fetchall()
        changed = [(clean(text), row) for row, text in found if clean(text) != text]
        connection.executemany(f"UPDATE {name} SET {column} = ? WHERE {key} = ?", changed)
        written += len(changed)
    return written


def _is_there(connection: Connection, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None
