"""What has changed: a row is rewritten only when its content is another one (rule 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from rules.model import Counts
from rules.records import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[R]):
    """Records sorted by what has to be written for them; each id stands in one list only."""

    new: tuple[R, ...]
    changed: tuple[R, ...]
    unchanged: tuple[R, ...]

    @property
    def counts(self) -> Counts:
        """The numbers of rows, as they are reported."""
        return Counts(new=len(self.new), changed=len(self.changed), unchanged=len(self.unchanged))


def compare(records: Iterable[R], known_hashes: Mapping[int, str]) -> Changes[R]:
    """Sort records against the hashes of the rows stored already.

    Where an id stands twice in one page, the later record wins and is counted once.
    """
    latest = {record.id: record for record in records}
    new = [r for r in latest.values() if r.id not in known_hashes]
    old = [r for r in latest.values() if r.id in known_hashes]
    return Changes(
        new=tuple(new),
        changed=tuple(r for r in old if r.content_hash != known_hashes[r.id]),
        unchanged=tuple(r for r in old if r.content_hash == known_hashes[r.id]),
    )
