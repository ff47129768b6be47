"""New databases with the schema of today, made once for each test process and copied."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from storage.engine.database import Database
from storage.engine.migrate import migrate


def migrated(path: Path) -> Database:
    """An open, empty database; who made it closes it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_bytes(_empty())
    path.chmod(0o600)
    database = Database(path)
    migrate(database)
    return database


@cache
def _empty() -> bytes:
    folder = Path(tempfile.mkdtemp(prefix="template-"))
    database = Database(folder / "empty.db")
    migrate(database)
    database.close()
    content = (folder / "empty.db").read_bytes()
    shutil.rmtree(folder)
    return content
