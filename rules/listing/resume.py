"""From where an interrupted full listing goes on, as it is stored with each of its pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePoint:
    """What a listing knows of its way so far, but for the rows, which are in the mirror.

    `end`: rows of the list that were read; `tail`: the ids of the last ones, the very last at
    position `tail_at` (from 0), and `tied` of them ending at the same time. `at_head`: all was
    read to the end, only the head is left to be read again.
    """

    at_head: bool = False
    ordered: bool = True
    end: int = 0
    tail: tuple[int, ...] = ()
    tail_at: int = -1
    tied: int = 1
    floor: int = 0
    largest_allowed: int = 30
    largest_answer: int = 0
    left_out: bool = False
    proven: bool = True
    cut_tie: bool = False

    def as_text(self, *, as_of: str, complete_from: str | None) -> str:
        """The stored form, with the time that the listing keeps from its first start."""
        point = {name: getattr(self, name) for name in FIELDS}
        return json.dumps({"as_of": as_of, "from": complete_from, **point})


FIELDS = tuple(field.name for field in fields(ResumePoint))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """An interrupted listing: where it stood, its time, and what it was limited to."""

    point: ResumePoint
    as_of: str
    complete_from: str | None


def interrupted_from(text: str) -> Interrupted | None:
    """Read the stored form; None where another version has written it differently."""
    try:
        stored = json.loads(text)
        as_of, complete_from = stored.pop("as_of"), stored.pop("from")
        if stored.keys() != set(FIELDS):
            return None
        point = ResumePoint(**{**stored, "tail": tuple(stored["tail"])})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Interrupted(point=point, as_of=as_of, complete_from=complete_from)
