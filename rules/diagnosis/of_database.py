"""What is wrong with the database and what it stands on, and whether it can be written."""

from __future__ import annotations

from collections.abc import Iterator

from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Finding
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import Access, DiskSeen, MirrorSeen, Observations, Presence
from rules.diagnosis.of_daemon import before

MEGABYTE = 1024 * 1024
LITTLE_SPACE = 256 * MEGABYTE
NO_SPACE = 16 * MEGABYTE
DATABASE = "the database"


def database_findings(seen: Observations, limits: Limits) -> Iterator[Finding]:
    """All of it."""
    mirror = seen.mirror
    if (refused := refusal(mirror.access, mirror.why, mirror.owner)) is not None:
        yield refused
    told = list(writing(seen, limits))
    yield from told
    if seen.disk is not None and Code.DISK_FULL not in {finding.code for finding in told}:
        yield from space(seen.disk)
    if seen.mirror.log_bytes > limits.log_bytes:
        size = seen.mirror.log_bytes // MEGABYTE
        message = f"SQLite's log beside the database has grown to {size:,} MiB"
        yield found(Code.LOG_GROWS, DATABASE, message, path=seen.mirror.path)
    if _is_new(seen.mirror) and seen.daemon.presence is not Presence.ANSWERS:
        message = f"nothing was synced into {seen.mirror.path} yet"
        yield found(Code.NOTHING_SYNCED, "the mirror", message)


def _is_new(mirror: MirrorSeen) -> bool:
    is_nothing = mirror.access in (Access.MISSING, Access.EMPTY)
    return is_nothing or (mirror.access is Access.READ and not mirror.has_runs)


REFUSALS = {
    Access.DAMAGED: (Code.DATABASE_DAMAGED, DATABASE),
    Access.GONE: (Code.DATABASE_GONE, DATABASE),
    Access.HIDDEN: (Code.DATABASE_HIDDEN, DATABASE),
    Access.LOCKED: (Code.DATABASE_LOCKED, DATABASE),
    Access.OLDER: (Code.SCHEMA_OLDER, "the schema"),
    Access.UNUSABLE: (Code.DATABASE, DATABASE),
}


def refusal(access: Access, why: str, owner: str) -> Finding | None:
    """Why a database cannot be read; None where it can, or is not there yet."""
    if access not in REFUSALS:
        return None
    code, subject = REFUSALS[access]
    return found(code, subject, why, user=owner or "OWNER")


def space(disk: DiskSeen) -> Iterator[Finding]:
    """Whether the disk has room. What has no size, like /proc, holds no files."""
    if not disk.total:
        return
    if disk.free < NO_SPACE:
        message = "the disk is full" if disk.free < MEGABYTE else "the disk is nearly full"
        yield found(Code.DISK_FULL, "disk space", message, why=room(disk), folder=disk.folder)
    elif disk.free < max(LITTLE_SPACE, 3 * disk.database):
        message = "little room is left on the disk"
        yield found(Code.DISK_LOW, "disk space", message, why=room(disk), folder=disk.folder)


def room(disk: DiskSeen) -> str:
    """How much is left, and how much the database has."""
    free, size = disk.free // MEGABYTE, disk.database // MEGABYTE
    return f"{free:,} MiB free in {disk.folder}; the database has {size:,} MiB"


def writing(seen: Observations, limits: Limits) -> Iterator[Finding]:
    """Whether what happens can be written; the cause is told, if it is known."""
    state = seen.daemon.state
    if state is None:
        return
    if state.locked_seconds >= limits.locked_seconds and seen.mirror.access is not Access.LOCKED:
        who = f": {seen.writer}" if seen.writer else f" (fuser {seen.mirror.path} may name it)"
        message = "another program holds the database's write lock"
        yield found(
            Code.DATABASE_LOCKED,
            DATABASE,
            message,
            since=before(seen.now, state.locked_seconds),
            writer=who,
        )
    elif state.trouble is not None:
        message, since = "what happens cannot be written", before(seen.now, state.trouble_seconds)
        disk = seen.disk
        if disk is not None and disk.total and disk.free < NO_SPACE:
            why, folder = f"{state.trouble} ({room(disk)})", disk.folder
            yield found(Code.DISK_FULL, "disk space", message, why=why, since=since, folder=folder)
        else:
            yield found(Code.JOURNAL_STUCK, DATABASE, message, why=state.trouble, since=since)
