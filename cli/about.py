"""What `--version` prints: the program's version, and what a report of a bug needs."""

from __future__ import annotations

import platform
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError, version

from config.version import program_version

LIBRARIES = (
    "pykka",
    "requests",
    "urllib3",
    "dataset",
    "SQLAlchemy",
    "alembic",
    "filelock",
    "pydantic",
    "structlog",
    "waitress",
)


def version_text() -> str:
    """The version in the first line, then the machine, SQLite and the libraries."""
    python = ".".join(map(str, sys.version_info[:3]))
    return "\n".join(
        (
            f"testio-sync {program_version()} (Python {python})",
            f"platform   {platform.platform()}",
            f"python     {platform.python_implementation()} {platform.python_version()}"
            f", {sys.executable}",
            f"SQLite     {sqlite3.sqlite_version}",
            *(f"{name:<10} {_version_of(name)}" for name in LIBRARIES),
        )
    )


def _version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
