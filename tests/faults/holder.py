"""Another program that has the database open, and holds its write lock while told to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN " + sys.argv[2])
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextmanager
def write_lock(database: Path, kind: str = "IMMEDIATE") -> Iterator[None]:
    """The write lock of SQLite is held by a process of its own. `kind`: or EXCLUSIVE."""
    holder = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(database), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n", "the lock was not to be had"
        yield
    finally:
        holder.stdin.close()
        holder.wait(30)
        holder.stdout.close()
