"""Ways to damage a database file. Each says in short what it did, for the report of a failure.

They write with plain files: the process that calls them must not have the database open.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 4096
HEADER = 100
WAL_HEADER = 32

Damage = Callable[[Path, random.Random], str]


def flip_bytes(path: Path, dice: random.Random) -> str:
    """Up to eight single bytes anywhere behind the header."""
    content = bytearray(path.read_bytes())
    places = sorted(dice.randrange(HEADER, len(content)) for _ in range(dice.randint(1, 8)))
    for place in places:
        content[place] ^= dice.randint(1, 255)
    path.write_bytes(content)
    return f"flipped bytes {places}"


def flip_page(path: Path, dice: random.Random) -> str:
    """A whole page, but for the first, becomes something else: zeros, noise or another page."""
    content = bytearray(path.read_bytes())
    page = dice.randrange(1, len(content) // PAGE)
    how = dice.choice(("zeros", "noise", "another page"))
    if how == "zeros":
        new = bytes(PAGE)
    elif how == "noise":
        new = dice.randbytes(PAGE)
    else:
        other = dice.randrange(len(content) // PAGE)
        new = bytes(content[other * PAGE : (other + 1) * PAGE])
    content[page * PAGE : (page + 1) * PAGE] = new
    path.write_bytes(content)
    return f"page {page + 1} became {how}"


def truncate(path: Path, dice: random.Random) -> str:
    """The end is cut off, anywhere; at least one byte stays."""
    size = path.stat().st_size
    length = dice.randrange(1, size)
    with path.open("r+b") as file:
        file.truncate(length)
    return f"cut from {size} bytes to {length}"


def overwrite_header(path: Path, dice: random.Random) -> str:
    """The first hundred bytes are lost."""
    with path.open("r+b") as file:
        file.write(dice.randbytes(HEADER))
    return "overwrote the header"


def lose_schema(path: Path, dice: random.Random) -> str:
    """The first page, or another one that holds a part of the schema, becomes zeros."""
    content = path.read_bytes()
    places = {
        0,
        *(found.start() // PAGE for found in re.finditer(rb"CREATE (TABLE|VIEW)", content)),
    }
    page = dice.choice(sorted(places))
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(bytes(PAGE))
    return f"page {page + 1} of the schema became zeros"


def not_sqlite(path: Path, dice: random.Random) -> str:
    """Something else lies at the path."""
    kind, content = dice.choice(
        (
            ("text", b"these are my notes, not a database\n" * 50),
            ("an image", b"\x89PNG\r\n\x1a\n" + dice.randbytes(500)),
            ("one byte", b"\n"),
            ("zeros", bytes(2 * PAGE)),
        )
    )
    path.write_bytes(content)
    return f"put {kind} in its place"


def tear_wal(path: Path, dice: random.Random) -> str:
    """The log beside the database loses its end, or some of its bytes become others."""
    log = path.with_name(f"{path.name}-wal")
    content = bytearray(log.read_bytes())
    place = dice.randrange(WAL_HEADER, len(content))
    if dice.random() < 0.5:
        del content[place:]
        said = f"cut the log to {place} bytes"
    else:
        content[place] ^= dice.randint(1, 255)
        said = f"flipped byte {place} of the log"
    log.write_bytes(content)
    return said


OF_THE_FILE: tuple[Damage, ...] = (
    *(flip_bytes, flip_page, truncate),
    *(overwrite_header, lose_schema, not_sqlite),
)
"""What needs no log beside the database; `tear_wal` needs one."""


def contents(path: Path) -> dict[str, bytes]:
    """What is in the database and its log, to be compared with what is there later.

    An empty log is none: readers make it.
    """
    beside = (path.with_name(path.name + suffix) for suffix in ("", "-wal"))
    return {
        file.name: file.read_bytes() for file in beside if file.exists() and file.stat().st_size
    }


@contextmanager
def killed_writer(path: Path) -> Iterator[sqlite3.Connection]:
    """A writer that leaves its log beside the database, as one that is killed does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        yield writer
        left = contents(path)
    for name, content in left.items():
        path.with_name(name).write_bytes(content)
