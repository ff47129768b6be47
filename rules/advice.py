"""What a person can do about each type of failure."""

from __future__ import annotations

from rules.model import ErrorKind

LOOK = "`testio-sync status` and `testio-sync problems list` say more; the next run tries it again"

ADVICE = {
    ErrorKind.UNAUTHORIZED: "put a valid token into TESTIO_CUSTOMER_API_TOKEN_FILE, then "
    "`testio-sync reload`",
    ErrorKind.FORBIDDEN: "ask Test IO for the rights that the token lacks, or leave these products "
    "out with TESTIO_PRODUCT_IDS",
    ErrorKind.WRONG_ACCOUNT: "use the token of the account that is mirrored, or another "
    "TESTIO_DB_PATH for this one",
    ErrorKind.RATE_LIMITED: "lower TESTIO_REQUESTS_PER_SECOND or MAX_CONCURRENT_API_REQUESTS, or "
    "make the interval longer",
    ErrorKind.HELD: "`testio-sync deletions list` shows what would be marked as deleted; "
    "`testio-sync deletions accept ID` allows it",
    ErrorKind.STORAGE: "make room on the disk, or end the program that locks the database",
    ErrorKind.CRASHED: "read the daemon's log; this is a fault of testio-sync",
    ErrorKind.HOLES: "`testio-sync problems list` names the records that cannot be read",
    ErrorKind.BAD_ROWS: "`testio-sync problems list` names the records that cannot be used",
    ErrorKind.SERVER_ERROR: f"the remote fails, and each run tries it again; {LOOK}",
    ErrorKind.TIMEOUT: f"look whether the network or the remote is slow; {LOOK}",
    ErrorKind.CONNECTION_FAILED: "look whether the network, the proxy and the API's address are "
    f"right; {LOOK}",
}


def advice_on(kind: ErrorKind | None) -> str:
    """What to do about a failure of this type."""
    return LOOK if kind is None else ADVICE.get(kind, LOOK)
