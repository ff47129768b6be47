"""Gives the copy of a damaged database a first page that SQLite can begin with.

One lost page of the schema keeps SQLite from reading anything at all, although the tables may be
whole. Each row of the schema says where the root of a table is, and such rows can be found in the
bytes of the file; what the tables look like is known from a new database.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from storage.engine.soundness import MAGIC

PAGE = 4096
HEADER = 100
OF_TABLES = (0x05, 0x0D)
"""How a page of a table begins; the schema is one, behind the header of the file."""
SCHEMA_FORMAT, ENCODING_UTF8 = 4, 1


def mend_header(copy: Path) -> bool:
    """Write a new header, where the rest of the first page is still that of a table."""
    with copy.open("r+b") as file:
        begins = file.read(HEADER + 1)[HEADER:]
        if not begins or begins[0] not in OF_TABLES:
            return False
        file.seek(0)
        file.write(_header(copy))
    return True


def mend_schema(copy: Path, tables: Mapping[str, str]) -> bool:
    """Write a new first page, with a schema of those tables whose roots can be found.

    `tables`: the columns of each, as they follow `CREATE TABLE`. What stands in the log beside
    the copy is given up: it may hold the old first page.
    """
    content = copy.read_bytes()
    roots = {name: root for name in tables if (root := _root_of(name, content)) is not None}
    if not roots or len(content) < 2 * PAGE:
        return False
    with copy.open("r+b") as file:
        file.write(_header(copy) + _first_page(roots, tables)[HEADER:])
    copy.with_name(f"{copy.name}-wal").unlink(missing_ok=True)
    return True


def _root_of(table: str, content: bytes) -> int | None:
    """By the row of the schema: its type, its name twice, the page, and how it was made."""
    name = re.escape(table.encode())
    row = re.compile(rb"table%b%b(.{1,4}?)CREATE TABLE \"?%b\"? ?\(" % (name, name, name), re.S)
    for found in row.finditer(content):
        page = int.from_bytes(found[1], "big")
        if content[(page - 1) * PAGE : (page - 1) * PAGE + 1] in (b"\x05", b"\x0d"):
            return page
    return None


def _first_page(roots: Mapping[str, int], tables: Mapping[str, str]) -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute(f"PRAGMA page_size = {PAGE}")
        for name in roots:
            made.execute(f"CREATE TABLE {name} ({tables[name]})")
        made.execute("PRAGMA writable_schema = ON")
        for name, root in roots.items():
            made.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", (root, name))
        return made.serialize()[:PAGE]


def _header(copy: Path) -> bytes:
    """As the file format has it, for a database in WAL mode without free pages."""
    pages = max(1, copy.stat().st_size // PAGE)
    changes = (1).to_bytes(4, "big")
    return b"".join(
        (
            MAGIC,
            PAGE.to_bytes(2, "big") + bytes((2, 2, 0, 64, 32, 32)) + changes,
            pages.to_bytes(4, "big") + bytes(12) + SCHEMA_FORMAT.to_bytes(4, "big"),
            bytes(8) + ENCODING_UTF8.to_bytes(4, "big") + bytes(32) + changes,
            sqlite3.sqlite_version_info[0].to_bytes(4, "big"),
        )
    )


def columns_of(connection: sqlite3.Connection) -> dict[str, str]:
    """The columns of each table of a database in the order in which they are stored."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: _columns(connection, name) for (name,) in names if not name.startswith("sqlite_")}


def _columns(connection: sqlite3.Connection, table: str) -> str:
    found = connection.execute(f"PRAGMA table_info({table})").fetchall()
    keys = [row for row in found if row[5]]
    is_row_id = len(keys) == 1 and keys[0][2].upper() == "INTEGER"
    return ", ".join(
        f'"{row[1]}"' + (" INTEGER PRIMARY KEY" if is_row_id and row[5] else "") for row in found
    )
