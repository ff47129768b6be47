"""What was seen at a moment: what all judgement goes by. *Unknown* is a value like any other.

"May not look" and "did not answer" are neither "is not there" nor "is well".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rules.model import PRODUCT_LIST, Kind, RunStatus
from rules.text.wording import counted


class Presence(StrEnum):
    """What is known of a daemon on this database."""

    ANSWERS = "answers"
    OTHER_VERSION = "other_version"
    STARTING = "starting"
    SILENT = "silent"
    SOCKET_MISSING = "socket_missing"
    KILLED = "killed"
    ELSEWHERE = "elsewhere"
    HIDDEN = "hidden"
    ONE_SHOT = "one_shot"
    NONE = "none"


class Access(StrEnum):
    """What came of looking into the database."""

    READ = "read"
    MISSING = "missing"
    GONE = "gone"
    EMPTY = "empty"
    HIDDEN = "hidden"
    LOCKED = "locked"
    OLDER = "older"
    DAMAGED = "damaged"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A worker, what it works on, and for how many seconds nothing of it was stored."""

    role: str
    task: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonState:
    """What only the daemon itself knows. Seconds; `silent` by actor, since its last answer.

    `missing`: roles that nobody could be started for, and why. `trouble`: why nothing can be
    written. `locked_seconds`: since when transactions wait for another program. `run_quiet`: since
    anything of the run at work moved; None without a run. `paused_seconds` None: periodic runs take
    place. `metrics_flaw`: the address that is not served, and why.
    """

    silent: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    mailboxes: Mapping[str, int] = field(default_factory=dict)
    quiet: Sequence[Quiet] = ()
    run_quiet: float | None = None
    gave_up: str | None = None
    trouble: str | None = None
    trouble_seconds: float = 0.0
    locked_seconds: float = 0.0
    breaker_open_seconds: float = 0.0
    last_failure: str = ""
    paused_seconds: float | None = None
    metrics_flaw: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSeen:
    """The daemon, from within or from outside. `state` is known where it answers for itself.

    `who`: what the lock file says of its holder. `place`: the socket, or what may not be looked
    at, and then `owner` the user who may. `note`: what else is known of it. `is_blocked`: something
    else stands in the socket's place.
    """

    presence: Presence
    pid: int | None = None
    role: str = "daemon"
    who: str = ""
    since: datetime | None = None
    place: str = ""
    owner: str = ""
    note: str = ""
    is_blocked: bool = False
    state: DaemonState | None = None

    @property
    def works(self) -> bool:
        """Whether somebody may be at work on the database."""
        return self.presence not in (Presence.NONE, Presence.KILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingSeen:
    """What is known of one product and kind. `unusable`: records that could not be read.

    `known_since`: from when on it could have been read. `failing_since` None: it does not fail.
    `error`: the last failure, `<type>: <message>`. `tried_at`: when a run came to it last.
    """

    product_id: int
    kind: Kind
    known_since: datetime
    complete_as_of: datetime | None = None
    current_as_of: datetime | None = None
    unusable: int = 0
    failing_since: datetime | None = None
    error: str | None = None
    tried_at: datetime | None = None
    product_name: str = ""

    @property
    def name(self) -> str:
        """What a person calls it."""
        if self.product_id == PRODUCT_LIST:
            return "the product list"
        return f"{self.kind.value} of product {self.product_id}"

    @property
    def error_kind(self) -> str | None:
        """The type of the last failure."""
        return self.error.partition(": ")[0] if self.error else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run that ended by itself; `problems`: how many it met, by type."""

    run_id: int
    status: RunStatus
    problems: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSeen:
    """The database. `why`: what kept it from being read. `owner`: whose it is, where that is known.

    `unlisted`: products that are to be mirrored and that the account's list does not have.
    `unfinished_run`: the newest run, if it has no end. `pending_sets`: sets of deletions that are
    held back. `log_bytes`: the size of SQLite's log.
    """

    path: str
    access: Access
    why: str = ""
    owner: str = ""
    listings: Sequence[ListingSeen] = ()
    last_run: LastRun | None = None
    unfinished_run: int | None = None
    has_runs: bool = True
    unlisted: Sequence[int] = ()
    pending_sets: int = 0
    log_bytes: int = 0
    paused_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSeen:
    """The disk below the database, in bytes; its file system's type where that is known."""

    folder: str
    free: int
    database: int
    total: int
    file_system: str | None = None
    has_locks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """Everything that is judged. `token`: where the token stands; None where nobody looked.

    `writer`: the program that holds the database's write lock, where it is known.
    """

    now: datetime
    daemon: DaemonSeen
    mirror: MirrorSeen
    disk: DiskSeen | None = None
    token: str | None = None
    writer: str = ""


LONGEST_NAME = 60
NAMED = 3
"""Lists that are named in one line; of more only the number."""


def named(listings: Sequence[ListingSeen]) -> str:
    """`features of product 1216 (Website)`, a few lists, or `7 lists of 5 products`."""
    if len(listings) == 1 and listings[0].product_name:
        return f"{listings[0].name} ({listings[0].product_name[:LONGEST_NAME]})"
    if len(listings) <= NAMED:
        return ", ".join(each.name for each in listings)
    products = {each.product_id for each in listings if each.product_id}
    return f"{counted(len(listings), 'list')} of {counted(len(products), 'product')}"
