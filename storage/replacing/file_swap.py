"""Puts a new database in the place of a damaged one, whose files are kept under another name.

There are several files, and a crash may come between any two. So the new database is finished
first and named after the moment, `<database>.rebuilt-<moment>`: from then on whoever takes the
writer lock next brings it to its end. Until then nothing has happened to the old files.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

from storage.engine.damage import forget

OF_A_DATABASE = ("", "-wal", "-shm", "-journal")
"""The database is moved first: from then on nobody opens it, and makes files beside it."""


def building_path(database: Path) -> Path:
    """Where the new database is made; a leftover there is worth nothing."""
    return database.with_name(f"{database.name}.rebuilding")


def copy_path(database: Path) -> Path:
    """Where the damaged one is copied to be read; likewise."""
    return database.with_name(f"{database.name}.salvage")


def damaged_path(database: Path) -> Path:
    """A name for the damaged files that none has yet."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in range(1, 1_000):
        suffix = "" if number == 1 else f"-{number}"
        path = database.with_name(f"{database.name}.damaged-{stamp}{suffix}")
        if not any(os.path.lexists(each) for each in files_of(path)):
            return path
    raise FileExistsError(f"there is no name left like {path}")


def files_of(database: Path) -> list[Path]:
    """A database's files, whether or not they are there."""
    return [database.with_name(database.name + suffix) for suffix in OF_A_DATABASE]


def put_in_place(database: Path, damaged: Path) -> None:
    """Set the damaged files aside as `damaged`, and put what was built in their place.

    On disk on return. Call it with the writer lock held. Raises OSError; what had been done by
    then is gone on with by `finish_interrupted`.
    """
    moment = damaged.name.removeprefix(f"{database.name}.damaged-")
    rebuilt = database.with_name(f"{database.name}.rebuilt-{moment}")
    building = building_path(database)
    _give_to_owner(building, database)
    _to_disk(building)
    building.rename(rebuilt)
    _to_disk(database.parent)
    _finish(database, rebuilt, damaged)


def finish_interrupted(database: Path) -> Path | None:
    """Bring to its end what a crash has interrupted; where the damaged files are then.

    Call it with the writer lock held, before anything is opened. Raises OSError.
    """
    damaged: Path | None = None
    for rebuilt in _unfinished(database):
        moment = rebuilt.name.removeprefix(f"{database.name}.rebuilt-")
        damaged = database.with_name(f"{database.name}.damaged-{moment}")
        _finish(database, rebuilt, damaged)
    return damaged


def is_interrupted(database: Path) -> bool:
    """Whether a crash came between two renames."""
    return bool(_unfinished(database))


def _unfinished(database: Path) -> list[Path]:
    begins = f"{database.name}.rebuilt-"
    ours = re.compile(re.escape(begins) + r"\d{8}T\d{6}Z(-\d+)?")
    beside = database.parent.glob("*")  # a name may hold characters that mean something in a glob
    return sorted(path for path in beside if ours.fullmatch(path.name))


def _finish(database: Path, rebuilt: Path, damaged: Path) -> None:
    for source, target in zip(files_of(database), files_of(damaged), strict=True):
        if os.path.lexists(source):
            source.rename(_free(target))
    _to_disk(database.parent)
    rebuilt.rename(database)
    _to_disk(database.parent)
    forget(database)


def _give_to_owner(building: Path, database: Path) -> None:
    """Who rebuilds as root does it for the user of the daemon."""
    if os.geteuid() == 0 and database.exists():
        owner = database.stat()
        os.chown(building, owner.st_uid, owner.st_gid)


def _free(target: Path) -> Path:
    """A name that hides nothing: a reader may have made files between a crash and now."""
    number = 1
    free = target
    while os.path.lexists(free):
        number += 1
        free = target.with_name(f"{target.name}.{number}")
    return free


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
