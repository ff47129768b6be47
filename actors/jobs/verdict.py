"""How a product comes out of a phase, and the type of the generators that carry it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from rules.diagnosis.entries import PROBLEMS
from rules.model import ErrorKind, Outcome, Problem
from rules.records import BadRow, HoleRecord, Page, Stored
from rules.text.wording import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductVerdict:
    """How a product came out, and why not better; and what is odd about the remote's answer."""

    outcome: Outcome
    problem: Problem | None = None
    warning: str | None = None


Job = Generator[Page | None, Stored, ProductVerdict]
"""Yields pages for the MirrorWriter, and returns the verdict.

It is sent what a decisive page came to once that is stored, and nothing of note for others: those
it reads on behind, while they are being stored. None waits until all is stored.
"""


def gaps_verdict(
    gaps: int, bad_rows: Mapping[str, BadRow], holes: Mapping[str, HoleRecord]
) -> ProductVerdict:
    """Complete, or partial where records could not be used; `gaps` are those on record."""
    if not gaps:
        return ProductVerdict(outcome=Outcome.COMPLETE)
    if holes:
        first = min(holes.values(), key=lambda hole: hole.position)
        message = f"{counted(len(holes), 'record')} that the remote cannot show: {place_of(first)}"
        return _partial(ErrorKind.HOLES, message + (", …" if len(holes) > 1 else ""))
    unusable = counted(gaps, "unusable record")
    if bad_rows:
        bad = min(bad_rows.values(), key=lambda row: row.position)
        message = f"{unusable}, the first at position {bad.position}: {bad.reason}"
        return _partial(ErrorKind.BAD_ROWS, message)
    return _partial(ErrorKind.BAD_ROWS, f"{unusable}; see {PROBLEMS}")


def place_of(hole: HoleRecord) -> str:
    """Where a hole is, for people."""
    above = f"behind {hole.before_id}" if hole.before_id else "at the head"
    below = f" and before {hole.after_id}" if hole.after_id else ""
    return f"position {hole.position}, {above}{below}"


def _partial(kind: ErrorKind, message: str) -> ProductVerdict:
    return ProductVerdict(outcome=Outcome.PARTIAL, problem=Problem(kind=kind, message=message))
