"""What has changed: a row is rewritten only when its content is another one (rule 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

from rules.model import Counts
from rules.page_tags import HeldRow
from rules.records import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the mirror holds of one row; `owner` is the product or test it belongs to."""

    content_hash: str
    is_deleted: bool = False
    owner: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[R]):
    """Records sorted by what has to be written for them.

    Each id stands in one of `new`, `changed` and `unchanged`; `revived` are the ids among the
    latter two whose rows were marked as deleted.
    """

    new: tuple[R, ...]
    changed: tuple[R, ...]
    unchanged: tuple[R, ...]
    revived: frozenset[int] = frozenset()

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


def compare(records: Iterable[R], held: Mapping[int, Held]) -> Changes[R]:
    """Sort records against the rows held already.

    Where an id stands twice in one page, the later record wins and is counted once.
    """
    latest = {record.id: record for record in records}
    old = [record for record in latest.values() if record.id in held]
    return Changes(
        new=tuple(record for record in latest.values() if record.id not in held),
        changed=tuple(r for r in old if r.content_hash != held[r.id].content_hash),
        unchanged=tuple(r for r in old if r.content_hash == held[r.id].content_hash),
        revived=frozenset(record.id for record in old if held[record.id].is_deleted),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What became of rows that the remote called unchanged, by their ids."""

    confirmed: tuple[int, ...]
    gone: tuple[int, ...]


def look_again(
    unchanged: Iterable[HeldRow], held: Mapping[int, Held], *, owner: int
) -> Confirmation:
    """Hold what the remote was asked about against what the mirror holds by now.

    A row that something else has rewritten meanwhile is neither confirmed nor gone: the remote's
    word is not about what stands there now. `gone` are those that were marked as deleted.
    """
    rows = {row.id: row for row in unchanged}
    now = {key: held[key] for key in rows if key in held}
    return Confirmation(
        confirmed=tuple(
            key
            for key, row in now.items()
            if not row.is_deleted
            and row.owner == owner
            and row.content_hash == rows[key].content_hash
        ),
        gone=tuple(key for key in rows if key not in now or now[key].is_deleted),
    )
