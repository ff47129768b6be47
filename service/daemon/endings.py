"""Why a daemon that nobody has stopped has to end: what its owner is told, and the exit status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from actors.base import NoAnswer
from actors.system import ActorSystem
from rules.diagnosis.catalogue import CATALOGUE
from rules.diagnosis.codes import Code
from service.account import AccountGuard
from service.exit_status import ExitStatus
from service.store import Store
from storage.engine.place import is_missing

REBUILD = "testio-sync rebuild"
START_AGAIN = "start the daemon again: it takes the file that is there, or makes a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """`event` and `detail` are for the log, `reason` for the daemon's owner."""

    event: str
    reason: str
    status: ExitStatus
    detail: Mapping[str, str] = field(default_factory=dict)


def endings(system: ActorSystem, store: Store, account: AccountGuard) -> Iterator[Ending]:
    """What holds now, the gravest first. Called on the daemon's main thread at every beat."""
    if system.gave_up.is_set():
        reason = system.gave_up_because
        yield Ending(
            event="daemon_gave_up",
            reason=reason,
            status=ExitStatus.GAVE_UP,
            detail={"reason": reason},
        )
    if account.refused is not None and _is_idle(system):
        reason = account.refused.message
        yield Ending(
            event="wrong_account",
            reason=reason,
            status=ExitStatus.USAGE,
            detail={"reason": reason},
        )
    if (damage := store.database.damage) is not None:
        yield Ending(
            event="database_damaged",
            reason=str(damage),
            status=ExitStatus.DAMAGED,
            detail={"path": str(damage.path), "reason": damage.what, "todo": REBUILD},
        )
    if not store.lock.is_mine():
        yield Ending(
            event="lock_file_replaced",
            reason=f"its lock file {store.lock.path} was replaced or removed",
            status=ExitStatus.DATABASE,
            detail={"path": str(store.lock.path), "todo": START_AGAIN},
        )
    if not store.database.is_in_place():
        yield _not_in_place(store.database.path)


def _not_in_place(path: Path) -> Ending:
    is_gone = is_missing(path)
    action = CATALOGUE[Code.DATABASE_GONE].action_with() if is_gone else START_AGAIN
    return Ending(
        event="database_gone" if is_gone else "database_replaced",
        reason=f"its database {path} was {'removed or moved away' if is_gone else 'replaced'}",
        status=ExitStatus.DATABASE,
        detail={"path": str(path), "todo": action},
    )


def _is_idle(system: ActorSystem) -> bool:
    """Whether no run is at work: its failure is to be on disk before the daemon ends."""
    try:
        return system.status().current is None
    except NoAnswer:
        return False
