"""What a person decides about deletions and problems, in whichever process holds the writer lock.

Its methods are those of `control.client.ControlClient`: the command line asks either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from config.settings import Settings
from control.errors import NoSuchEntry
from control.protocol import DecisionReply, RetryReply, Word
from rules.model import PRODUCT_LIST, Kind, SyncPhase
from rules.run.events import EventName, SyncEvent
from service.store import Store, open_store
from storage.engine.lock_holder import Role
from storage.writes.decision_rows import Decided, DecisionRows
from storage.writes.quarantine_rows import CLEARED

PHASES = {phase.kind: phase for phase in SyncPhase}


@dataclass(frozen=True, slots=True)
class Operator:
    """Carries decisions out and writes what was decided. Thread-safe.

    Every method raises NoSuchEntry or StorageError.
    """

    rows: DecisionRows
    record: Callable[[SyncEvent], None]

    def accept_deletions(self, held_id: int) -> DecisionReply:
        """Mark those rows of a held set as deleted that were not seen since."""
        decided = self.rows.accept(held_id, at=datetime.now(UTC))
        if decided is None:
            raise NoSuchEntry(f"no deletions are held under the id {held_id}")
        if decided.before == "accepted":
            return _reply(Word.ALREADY_ACCEPTED, decided)
        if decided.before is not None:
            raise NoSuchEntry(
                f"the deletions {held_id} are no longer held: "
                "a listing that is believed, or another set, has taken their place"
            )
        self._record(EventName.DELETIONS_ACCEPTED, decided, rows=decided.rows)
        return _reply(Word.ACCEPTED, decided)

    def clear_problem(self, entry_id: int) -> DecisionReply:
        """Close an entry; it opens again when a listing meets it again."""
        decided = self.rows.clear(entry_id, at=datetime.now(UTC))
        if decided is None:
            raise NoSuchEntry(f"there is no problem with the id {entry_id}")
        if decided.before == CLEARED:
            return _reply(Word.ALREADY_CLEARED, decided)
        if decided.before is not None:
            raise NoSuchEntry(f"problem {entry_id} is resolved already: {decided.before}")
        self._record(EventName.PROBLEM_CLEARED, decided)
        return _reply(Word.CLEARED, decided)

    def retry_problems(self, ids: list[int] | None) -> RetryReply:
        """Make open entries due now and say which products have to be synced for it.

        Without ids, what fails without an entry is tried again as well.
        """
        entries = self.rows.retry(ids)
        unknown = sorted(set(ids or ()) - {entry.id for entry in entries})
        if unknown:
            raise NoSuchEntry(f"no problem stands open with the id {', '.join(map(str, unknown))}")
        places = {(entry.product_id, entry.kind) for entry in entries}
        if ids is None:
            places |= set(self.rows.failing())
        if not places:
            return RetryReply(word=Word.NOTHING_TO_RETRY)
        return RetryReply(
            word=Word.RETRYING,
            ids=[entry.id for entry in entries],
            phases=_phases(places),
            product_ids=_products(places),
        )

    def _record(self, event: EventName, decided: Decided, **more: object) -> None:
        detail = {"id": decided.id, "product": decided.product_id, "kind": decided.kind.value}
        # Bugs are kept by their test, which is no product to look events up by.
        product_id = None if decided.kind is Kind.BUGS else decided.product_id
        self.record(
            SyncEvent(
                at=datetime.now(UTC), event=event, product_id=product_id, detail=detail | more
            )
        )


@contextmanager
def open_operator(settings: Settings) -> Iterator[Operator]:
    """Whoever decides without a daemon, under the writer lock. Raises as `open_store` does."""
    with open_store(settings, role=Role.ONE_SHOT, wait_seconds=settings.lock_wait_seconds) as store:
        yield Operator(DecisionRows(store.database), lambda event: _write(store, event))


def _write(store: Store, event: SyncEvent) -> None:
    store.events.write([event])


def _reply(word: Word, decided: Decided) -> DecisionReply:
    return DecisionReply(
        word=word,
        id=decided.id,
        product_id=decided.product_id,
        kind=decided.kind,
        rows=decided.rows,
    )


def _phases(places: Iterable[tuple[int, Kind]]) -> list[SyncPhase]:
    """The phases that list these kinds; bugs have none, they are fetched when they are read."""
    kinds = {kind for _, kind in places}
    return [phase for phase in SyncPhase if phase.kind in kinds]


def _products(places: Iterable[tuple[int, Kind]]) -> list[int] | None:
    found = {key for key, kind in places if kind is not Kind.BUGS} - {PRODUCT_LIST}
    return sorted(found) or None
