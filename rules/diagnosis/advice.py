"""From the type of a failure to its cause in plain words and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.model import ErrorKind, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What a failure means, and what a person does about it.

    `heals`: a later run may do better by itself, so that nobody has to act at once.
    """

    cause: str
    action: str
    heals: bool = False


NEXT_RUN = "the next run tries again"
RETRY = "testio-sync problems retry"
PROBLEMS = "testio-sync problems list"
DELETIONS = "testio-sync deletions list"
SYNC = "testio-sync sync"

ADVICE: Mapping[ErrorKind, Advice] = {
    ErrorKind.UNAUTHORIZED: Advice(
        cause="the remote does not accept the token",
        action="put a valid token in place, then testio-sync reload and testio-sync sync",
    ),
    ErrorKind.WRONG_ACCOUNT: Advice(
        cause="the token belongs to another account than this mirror",
        action="use another TESTIO_DB_PATH, or replace the mirror: testio-sync sync --nuke",
    ),
    ErrorKind.STORAGE: Advice(
        cause="the database could not be written",
        action="look at the disk's space and the file's rights, then testio-sync sync; "
        "if testio-sync check finds damage: testio-sync rebuild",
    ),
    ErrorKind.CRASHED: Advice(
        cause="a part of this program crashed: a bug",
        action=f"report it with the log's lines; now: {RETRY}",
    ),
    ErrorKind.HELD: Advice(
        cause="so many rows are missing in the list that it is not believed",
        action=f"look, then accept or wait: {DELETIONS}",
    ),
    ErrorKind.FORBIDDEN: Advice(
        cause="the remote does not allow it",
        action="have the token (or this address) allowed, or leave the product out with "
        "TESTIO_PRODUCT_IDS",
    ),
    ErrorKind.REFUSED: Advice(
        cause="the remote refused the request",
        action=f"its own words say why; if they do not help, ask its support; then: {RETRY}",
    ),
    ErrorKind.BAD_PAYLOAD: Advice(
        cause="the answer is not what the API promises",
        action="look whether TESTIO_CUSTOMER_API_BASE_URL and the proxy are right",
    ),
    ErrorKind.NEVER_LISTED: Advice(
        cause="the product list was never read, so the products are not known",
        action=SYNC,
    ),
    ErrorKind.NOT_FOUND: Advice(
        cause="the remote says that there is no such list",
        action="read the product list again: testio-sync sync --phases products",
    ),
    ErrorKind.BAD_ROWS: Advice(
        cause="some records cannot be used",
        action=PROBLEMS,
        heals=True,
    ),
    ErrorKind.HOLES: Advice(
        cause="the remote fails on some records, all others were read",
        action=PROBLEMS,
        heals=True,
    ),
    ErrorKind.SERVER_ERROR: Advice(
        cause="the remote failed",
        action=f"{NEXT_RUN}; now: {RETRY}",
        heals=True,
    ),
    ErrorKind.TIMEOUT: Advice(
        cause="the remote did not answer in time",
        action=f"{NEXT_RUN}; if it stays, raise HTTP_TIMEOUT_SECONDS",
        heals=True,
    ),
    ErrorKind.CONNECTION_FAILED: Advice(
        cause="the remote could not be reached",
        action=f"{NEXT_RUN}; if it stays, look at the network and TESTIO_PROXY_URL",
        heals=True,
    ),
    ErrorKind.RATE_LIMITED: Advice(
        cause="the remote asked for fewer requests",
        action=f"{NEXT_RUN}; if it stays, set TESTIO_REQUESTS_PER_SECOND",
        heals=True,
    ),
    ErrorKind.LIST_MOVED: Advice(
        cause="the list changed too much while it was read",
        action=f"{NEXT_RUN}; now: {RETRY}",
        heals=True,
    ),
    ErrorKind.UNCONFIRMED: Advice(
        cause="rows that the list lacks could not be looked at one by one",
        action=f"{NEXT_RUN}; now: {RETRY}",
        heals=True,
    ),
    ErrorKind.CANCELLED: Advice(
        cause="the run was cancelled before this was read",
        action=f"{NEXT_RUN}; now: {SYNC}",
        heals=True,
    ),
}
"""What to say of each type; what is most urgent comes first."""

ENDED_EARLY: Mapping[RunStatus, Advice] = {
    RunStatus.INTERRUPTED: Advice(
        cause="its process was killed before the run ended; all that was stored is kept",
        action=f"{NEXT_RUN} and goes on where this one was; now: {SYNC}",
        heals=True,
    ),
    RunStatus.CANCELLED: Advice(
        cause="somebody cancelled it, or the daemon was stopped; all that was stored is kept",
        action=f"{NEXT_RUN} and goes on where this one was; now: {SYNC}",
        heals=True,
    ),
}
"""Why a run did not come to its own end."""


LOOK = f"{NEXT_RUN}; testio-sync status and {PROBLEMS} say more"


def advice_on(kind: ErrorKind | None) -> str:
    """What to do about a failure of this type, for a message that has room for no more."""
    return LOOK if kind is None else ADVICE[kind].action


def advice_for(error_kind: str | None) -> Advice | None:
    """The advice for a type as the database has it; None for one that is not known here."""
    return next((advice for kind, advice in ADVICE.items() if kind == error_kind), None)


def urgency(error_kind: str | None) -> int:
    """The place of a type among all of them: 0 is the most urgent, an unknown type the least."""
    kinds = [kind.value for kind in ADVICE]
    return kinds.index(error_kind) if error_kind in kinds else len(kinds)
