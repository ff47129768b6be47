"""What has changed: a row is rewritten only when its content is another one (rule 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from rules.mirror.details import KnownDetails, completed, is_more, is_other
from rules.model import Counts
from rules.records import FeatureRecord, Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """What the mirror holds of one row.

    `owner` is the product or test it belongs to, `listed_in` the listing that saw it last;
    `known`: of features that are there, what only some forms tell.
    """

    content_hash: str
    is_deleted: bool = False
    owner: int = 0
    listed_in: int | None = None
    known: KnownDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[R]):
    """Records sorted by what has to be written for them.

    Each id stands in one of `new`, `changed` and `unchanged`; `revived` are the ids among the
    latter two whose rows were marked as deleted. `learned`: those of `unchanged` of which more is
    known now than before, as of all that are revived.
    """

    new: tuple[R, ...]
    changed: tuple[R, ...]
    unchanged: tuple[R, ...]
    revived: frozenset[int] = frozenset()
    learned: tuple[R, ...] = ()

    @property
    def counts(self) -> Counts:
        """The numbers of rows, as they are reported; a revived row counts as that alone."""
        return self.counts_without(frozenset())

    def counts_without(self, counted: Set[object]) -> Counts:
        """The same, but for the rows that were counted before."""
        by_itself = counted | self.revived
        return Counts(
            new=sum(record.id not in counted for record in self.new),
            changed=sum(record.id not in by_itself for record in self.changed),
            unchanged=sum(record.id not in by_itself for record in self.unchanged),
            revived=len(self.revived - counted),
        )


def compare(records: Iterable[R], stored: Mapping[int, StoredRow]) -> Changes[R]:
    """Sort records against the rows stored before.

    Where an id stands twice in one page, the later record wins and is counted once.
    """
    latest = {record.id: record for record in records}
    old = [_completed(r, stored[r.id]) for r in latest.values() if r.id in stored]
    changed = [record for record in old if _has_changed(record, stored[record.id])]
    ids = {record.id for record in changed}
    unchanged = tuple(record for record in old if record.id not in ids)
    return Changes(
        new=tuple(record for record in latest.values() if record.id not in stored),
        changed=tuple(changed),
        unchanged=unchanged,
        revived=frozenset(record.id for record in old if stored[record.id].is_deleted),
        learned=tuple(r for r in unchanged if _tells_more(r, stored[r.id])),
    )


def listed_elsewhere(
    records: Iterable[R], stored: Mapping[int, StoredRow], *, owner: int, run_id: int
) -> dict[int, int]:
    """Records that this run has seen in another owner's list: that owner, by their ids.

    A row that an earlier run saw elsewhere has moved; in one and the same run it cannot be both.
    Features do not say whose they are: where most of an answer are another product's, it was made
    for somebody else, whenever they were seen there.
    """
    rows = list(records)
    others = {
        row.id: stored[row.id]
        for row in rows
        if row.id in stored and stored[row.id].owner != owner and not stored[row.id].is_deleted
    }
    is_foreign = 2 * len(others) > len(rows) and isinstance(rows[0], FeatureRecord)
    return {key: row.owner for key, row in others.items() if is_foreign or row.listed_in == run_id}


def _completed(record: R, row: StoredRow) -> R:
    if not isinstance(record, FeatureRecord) or row.known is None:
        return record
    same = record.content_hash == row.content_hash
    return cast("R", completed(record, row.known, same_content=same))


def _has_changed(record: Record, row: StoredRow) -> bool:
    if record.content_hash != row.content_hash:
        return True
    if not isinstance(record, FeatureRecord) or row.known is None:
        return False
    return is_other(record, row.known)


def _tells_more(record: Record, row: StoredRow) -> bool:
    if row.is_deleted:
        return True
    if not isinstance(record, FeatureRecord) or row.known is None:
        return False
    return is_more(record, row.known)
