"""What is wrong with the machine, the configuration and the files: what `check` alone looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from rules.diagnosis.catalogue import asked, found
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import SYNC
from rules.diagnosis.findings import Finding, Fine, Severity
from rules.diagnosis.observations import Access, DiskSeen
from rules.diagnosis.of_database import refusal, room, space
from rules.host.file_systems import shared_flaw
from rules.model import ErrorKind

Version = tuple[int, ...]
Looked = Finding | Fine

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON_TRIED = (3, 15)
WAL_RESET_SINCE = (3, 7, 0)
WAL_RESET_MENDED = (3, 51, 3)
WAL_RESET_BACKPORTS = frozenset({(3, 44, 6), (3, 50, 7)})
"""First releases of older series that have the repair, too."""
CLOCK_WARNING_SECONDS = 60.0
CLOCK_ERROR_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSeen:
    """What came of asking for the product list. `ahead_seconds`: by how much the remote's clock
    is ahead of ours; None if it did not say."""

    products: int = 0
    failure: ErrorKind | None = None
    message: str = ""
    ahead_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """Who may use a file. `allowed`: the bits of its mode that are all right."""

    what: str
    path: str
    mode: int
    allowed: int
    owner: int
    us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOfDatabase:
    """What a reader sees. `access`, `why` and `owner` as `MirrorSeen` has them; `damage`: SQLite's
    words.

    `is_writable`: the file and its folder, or the folder where it would be made. `finished`:
    whether the check came to its end in the time that it was given. `no_folder`: the folder that
    is missing, and where it cannot be made. `with_passwords`: copies of it in its folder, made by
    versions that stored passwords of test environments.
    """

    path: str
    exists: bool = True
    is_writable: bool = True
    no_folder: tuple[str, str] | None = None
    with_passwords: tuple[str, ...] = ()
    access: Access = Access.READ
    why: str = ""
    owner: str = ""
    revision: str | None = None
    is_empty: bool = False
    damage: tuple[str, ...] = ()
    loose_references: int = 0
    finished: bool = True
    newest_run_at: datetime | None = None
    base_url: str | None = None


def judge_remote(seen: RemoteSeen, token: str, *, afterwards: str = SYNC) -> Looked:
    """Whether the remote answers, and takes the token; `token`: where that stands; `afterwards`:
    what has to be done once another is there."""
    if seen.failure is None:
        products = f"{seen.products} product{'s' * (seen.products != 1)}"
        return Fine(subject="remote", message=f"it takes the token, which sees {products}")
    code = Code(seen.failure.value)
    return asked(code, seen.message, place=token, afterwards=afterwards)


def judge_clock(ahead_seconds: float | None) -> Iterator[Looked]:
    """Whether this machine's clock agrees with the remote's."""
    if ahead_seconds is None:
        return
    off = abs(ahead_seconds)
    if off <= CLOCK_WARNING_SECONDS:
        yield Fine(subject="clock", message="it agrees with the remote's to a minute")
        return
    way = "behind" if ahead_seconds > 0 else "ahead of"
    message = f"it is {off:.0f} s {way} the remote's, and freshness is told by it"
    severity = Severity.ERROR if off > CLOCK_ERROR_SECONDS else None
    yield found(Code.CLOCK_OFF, "clock", message, severity=severity)


def judge_newest_run(begun: datetime | None, now: datetime) -> Iterator[Looked]:
    """Whether a run lies in the future: then the clock was wrong when it began, or is now."""
    if begun is not None and (begun - now).total_seconds() > CLOCK_WARNING_SECONDS:
        message = f"the newest run began in the future, at {begun:%Y-%m-%d %H:%M} UTC"
        yield found(Code.RUN_IN_FUTURE, "clock", message)


def judge_sqlite(version: Version) -> Looked:
    """Whether this SQLite has the bug that lets two writers of one WAL corrupt a database."""
    text = ".".join(map(str, version))
    mended_here = any(v[:2] == version[:2] and version >= v for v in WAL_RESET_BACKPORTS)
    if mended_here or not WAL_RESET_SINCE <= version < WAL_RESET_MENDED:
        return Fine(subject="SQLite", message=text)
    message = f"{text} can corrupt a database that two programs write at the same time"
    mended = ".".join(map(str, WAL_RESET_MENDED))
    return found(Code.SQLITE_OLD, "SQLite", message, version=mended)


def judge_python(version: Version) -> Looked:
    """Whether this Python is one that the program is tested with."""
    text = ".".join(map(str, version[:3]))
    if version < OLDEST_PYTHON:
        return found(Code.PYTHON_TOO_OLD, "Python", f"{text} is too old")
    if version[:2] > NEWEST_PYTHON_TRIED:
        message = f"{text} was never tried with this version"
        return found(Code.PYTHON_UNTRIED, "Python", message)
    return Fine(subject="Python", message=text)


def judge_file(seen: FileSeen) -> Finding | None:
    """Whether somebody else may use a file; None if nobody may."""
    path = seen.path
    if seen.owner not in (seen.us, 0):
        message = f"{path} belongs to another user (uid {seen.owner})"
        return found(Code.FILE_OWNER, seen.what, message, user=seen.us, path=path)
    beyond = seen.mode & ~seen.allowed
    if not beyond:
        return None
    able = "change" if beyond & 0o022 else "read" if beyond & 0o044 else "enter"
    message = f"{path} has the mode {seen.mode:04o}: others can {able} it"
    mode = f"{seen.mode & seen.allowed:o}"
    return found(Code.FILE_MODE, seen.what, message, mode=mode, path=path)


def judge_disk(seen: DiskSeen) -> Iterator[Looked]:
    """Whether the disk has room, and is one that SQLite's locks work on."""
    flaws = list(space(seen))
    yield from flaws
    if not flaws and seen.total:
        yield Fine(subject="disk space", message=room(seen))
    flaw = shared_flaw(seen.file_system) if seen.has_locks else "without kernel locks"
    if flaw is not None:
        kind = seen.file_system or "a file system"
        message = f"{seen.folder} is on {kind} {flaw}, where SQLite's WAL is not safe"
        yield found(Code.FILE_SYSTEM, "file system", message)


def judge_database(seen: FileOfDatabase, known_revision: str) -> Iterator[Looked]:
    """Whether the database is there, whole, and of a schema that this program can use; and what
    of it lies about."""
    yield from _usable(seen, known_revision)
    if seen.with_passwords:
        names = ", ".join(seen.with_passwords)
        made = "made by an earlier version, which stored passwords of test environments"
        yield found(Code.OLDER_COPIES, "older copies", f"{names}: {made}")


def _usable(seen: FileOfDatabase, known_revision: str) -> Iterator[Looked]:
    path = seen.path
    if seen.damage:
        message = f"{path} is damaged: {'; '.join(seen.damage)}"
        yield found(Code.DATABASE_DAMAGED, "the database", message)
    elif (refused := refusal(seen.access, seen.why, seen.owner)) is not None:
        yield replace(refused, severity=Severity.ERROR)
    elif seen.no_folder is not None:
        folder, above = seen.no_folder
        message = f"there is no folder {folder}, and none can be made in {above}"
        yield found(Code.NO_FOLDER, "the database", message)
    elif not seen.is_writable:
        message = f"{path} or its folder cannot be written by this user"
        yield found(Code.READ_ONLY, "the database", message)
    elif not seen.exists or seen.is_empty:
        message = f"{path} is not there yet; a first sync makes it"
        yield Fine(subject="database", message=message)
    else:
        yield _integrity(seen)
        yield _schema(seen, known_revision)


def _integrity(seen: FileOfDatabase) -> Looked:
    if seen.loose_references:
        count = seen.loose_references
        message = f"{seen.path} is damaged: {count} rows refer to rows that are not there"
        return found(Code.LOOSE_REFERENCES, "the database", message)
    if not seen.finished:
        message = f"{seen.path} is too large to be checked whole in the time given"
        return found(Code.NOT_CHECKED_WHOLE, "the database", message)
    return Fine(subject="database", message=f"{seen.path} is whole")


def _schema(seen: FileOfDatabase, known: str) -> Looked:
    if seen.revision is None:
        return found(Code.DATABASE, "the schema", f"{seen.path} is another program's database")
    if seen.revision > known:
        message = f"{seen.revision} was made by a newer testio-sync; this one knows up to {known}"
        return found(Code.SCHEMA_NEWER, "the schema", message)
    if seen.revision < known:
        message = f"{seen.revision} is older than this program's {known}"
        return found(Code.SCHEMA_OLDER, "the schema", message)
    return Fine(subject="schema", message=seen.revision)
