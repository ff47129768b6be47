"""Judges what `testio-sync check` has looked up around the database: facts in, findings out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rules.diagnosis.findings import Area, Finding, error, ok, warning
from rules.host.file_systems import shared_flaw
from rules.model import ErrorKind

Version = tuple[int, ...]

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON_TRIED = (3, 15)
WAL_RESET_SINCE = (3, 7, 0)
WAL_RESET_MENDED = (3, 51, 3)
WAL_RESET_BACKPORTS = frozenset({(3, 44, 6), (3, 50, 7)})
"""First releases of older series that have the repair, too."""
CLOCK_WARNING_SECONDS = 60.0
CLOCK_ERROR_SECONDS = 600.0
MEGABYTE = 1024 * 1024
LITTLE_SPACE = 256 * MEGABYTE
NO_SPACE = 16 * MEGABYTE

TRY_INIT = "testio-sync init --force"
USUAL_URL = "usually it is https://api.test.io/customer/v2"
TRY_URL = f"check TESTIO_CUSTOMER_API_BASE_URL; {USUAL_URL}"
TRY_LATER = "try again in a few minutes"
REMEDIES = {  # what the message itself does not say already
    ErrorKind.UNAUTHORIZED: TRY_INIT,
    ErrorKind.FORBIDDEN: "use a token that may read the Customer API; "
    "a gatekeeper may also refuse this machine's address",
    ErrorKind.REFUSED: f"its own words say why; {USUAL_URL}",
    ErrorKind.NOT_FOUND: USUAL_URL,
    ErrorKind.BAD_PAYLOAD: TRY_URL,
    ErrorKind.RATE_LIMITED: TRY_LATER,
    ErrorKind.SERVER_ERROR: TRY_LATER,
}
TRY_NETWORK = "check the network, TESTIO_CUSTOMER_API_BASE_URL and TESTIO_PROXY_URL"
REFUSALS = (ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFacts:
    """What came of asking for the product list. `ahead_seconds`: by how much the remote's clock
    is ahead of ours; None if it did not say."""

    products: int = 0
    failure: ErrorKind | None = None
    message: str = ""
    ahead_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """Who may use a file. `allowed`: the bits of its mode that are all right."""

    what: str
    path: str
    mode: int
    allowed: int
    owner: int
    us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceFacts:
    """The disk below the database, in bytes; its file system's type where it is known."""

    folder: str
    free: int
    database: int
    total: int
    file_system: str | None
    has_locks: bool = True


def judge_remote(facts: RemoteFacts) -> Finding:
    """Whether the remote answers, and takes the token."""
    if facts.failure is None:
        products = f"{facts.products} product{'s' * (facts.products != 1)}"
        return ok("remote", f"it takes the token, which sees {products}")
    area = Area.CREDENTIALS if facts.failure in REFUSALS else Area.OTHER
    return error("remote", facts.message, REMEDIES.get(facts.failure, TRY_NETWORK), area)


def judge_clock(ahead_seconds: float | None) -> list[Finding]:
    """Whether this machine's clock agrees with the remote's."""
    if ahead_seconds is None:
        return []
    off = abs(ahead_seconds)
    if off <= CLOCK_WARNING_SECONDS:
        return [ok("clock", "it agrees with the remote's to a minute")]
    way = "behind" if ahead_seconds > 0 else "ahead of"
    message = f"it is {off:.0f} s {way} the remote's, and freshness is told by it"
    remedy = "set it by the network: timedatectl set-ntp true"
    return [(error if off > CLOCK_ERROR_SECONDS else warning)("clock", message, remedy)]


def judge_newest_run(begun: datetime | None, now: datetime) -> list[Finding]:
    """Whether a run lies in the future: then the clock was wrong when it began, or is now."""
    if begun is None or (begun - now).total_seconds() <= CLOCK_WARNING_SECONDS:
        return []
    message = f"the newest run began in the future, at {begun:%Y-%m-%d %H:%M} UTC"
    remedy = "check this machine's clock; what was synced meanwhile looks fresher than it is"
    return [warning("clock", message, remedy)]


def judge_sqlite(version: Version) -> Finding:
    """Whether this SQLite has the bug that lets two writers of one WAL corrupt a database."""
    text = ".".join(map(str, version))
    mended_here = any(v[:2] == version[:2] and version >= v for v in WAL_RESET_BACKPORTS)
    if mended_here or not WAL_RESET_SINCE <= version < WAL_RESET_MENDED:
        return ok("SQLite", text)
    mended = ".".join(map(str, WAL_RESET_MENDED))
    message = (
        f"{text} can corrupt a database when two connections write or checkpoint at the same "
        "time; testio-sync has one that does, so this takes another program"
    )
    remedy = f"open the database read-only elsewhere, or use SQLite {mended} or newer"
    return warning("SQLite", message, remedy)


def judge_python(version: Version) -> Finding:
    """Whether this Python is one that the program is tested with."""
    text = ".".join(map(str, version[:3]))
    if version < OLDEST_PYTHON:
        return error("Python", f"{text} is too old", "install with Python 3.11 or newer")
    if version[:2] > NEWEST_PYTHON_TRIED:
        return warning(
            "Python", f"{text} was never tried with this version", "use Python 3.11 to 3.14"
        )
    return ok("Python", text)


def judge_file(facts: FileFacts) -> Finding | None:
    """Whether somebody else may use a file; None if nobody may."""
    if facts.owner not in (facts.us, 0):
        message = f"{facts.path} belongs to another user (uid {facts.owner})"
        return warning(facts.what, message, f"sudo chown {facts.us} {facts.path}")
    beyond = facts.mode & ~facts.allowed
    if not beyond:
        return None
    able = "change" if beyond & 0o022 else "read" if beyond & 0o044 else "enter"
    message = f"{facts.path} has the mode {facts.mode:04o}: others can {able} it"
    return warning(facts.what, message, f"chmod {facts.mode & facts.allowed:o} {facts.path}")


def judge_space(facts: SpaceFacts) -> list[Finding]:
    """Whether the disk has room, and is one that SQLite's locks work on."""
    # What has no size, like /proc, holds no files: there is no room to make.
    found = [_room(facts)] if facts.total else []
    flaw = shared_flaw(facts.file_system) if facts.has_locks else "without kernel locks"
    if flaw is not None:
        kind = facts.file_system or "a file system"
        message = f"{facts.folder} is on {kind} {flaw}, where SQLite's WAL is not safe"
        remedy = "put TESTIO_DB_PATH on a local disk"
        found.append(error("file system", message, remedy, Area.DATABASE))
    return found


def _room(facts: SpaceFacts) -> Finding:
    free, size = facts.free // MEGABYTE, facts.database // MEGABYTE
    message = f"{free} MiB free in {facts.folder}; the database has {size} MiB"
    remedy = f"make room in {facts.folder}, or move the database: TESTIO_DB_PATH"
    if facts.free < NO_SPACE:
        return error("disk space", message, remedy, Area.DATABASE)
    if facts.free < max(LITTLE_SPACE, 3 * facts.database):
        more = f"{message}; a fresh start (sync --nuke) takes three times that for a moment"
        return warning("disk space", more, remedy)
    return ok("disk space", message)
