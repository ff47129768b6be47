"""When in a run each phase and product was at work, from the run's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rules.model import SyncPhase
from rules.run.events import EventName

PRODUCT_ENDS = frozenset(
    {EventName.PRODUCT_SYNCED, EventName.PRODUCT_FAILED, EventName.PRODUCT_SKIPPED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of a run: how many seconds after its start it began, and how many it took."""

    offset_seconds: float
    duration_seconds: float
    outcome: str | None = None
    product_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStretch(Stretch):
    """A phase with its products, the slowest first; without an outcome while it is at work."""

    phase: SyncPhase
    products: tuple[Stretch, ...] = ()


@dataclass(slots=True)
class _Phase:
    began: float | None = None
    ended: float | None = None
    outcome: str | None = None
    products: list[Stretch] = field(default_factory=list)


def timeline(
    started_at: datetime, events: Iterable[Mapping[str, Any]], now: datetime
) -> list[PhaseStretch]:
    """The phases of a run in the order of their start, as rows of `sync_events` tell of them.

    An event stands at its end; what it tells of began `duration_seconds` before. A phase that
    has not ended lasts until `now`, the last moment of which anything is known.
    """
    phases: dict[SyncPhase, _Phase] = {}
    for event in events:
        if event["phase"] is None:
            continue
        phase = phases.setdefault(SyncPhase(event["phase"]), _Phase())
        end = _seconds(started_at, datetime.fromisoformat(event["at"]))
        begin = max(0.0, end - event["duration_seconds"])
        if event["event"] == EventName.PHASE_STARTED:
            phase.began = end
        elif event["event"] == EventName.PHASE_FINISHED:
            phase.began, phase.ended, phase.outcome = begin, end, event["outcome"]
        elif event["event"] in PRODUCT_ENDS:
            phase.products.append(_product(event, begin, end))
    whole = _seconds(started_at, now)
    stretches = [_stretch(name, phase, whole) for name, phase in phases.items()]
    return sorted(stretches, key=lambda stretch: stretch.offset_seconds)


def _seconds(start: datetime, end: datetime) -> float:
    return max(0.0, (end - start) / timedelta(seconds=1))


def _product(event: Mapping[str, Any], begin: float, end: float) -> Stretch:
    return Stretch(
        offset_seconds=begin,
        duration_seconds=end - begin,
        outcome=event["outcome"],
        product_id=event["product_id"],
    )


def _stretch(name: SyncPhase, phase: _Phase, whole: float) -> PhaseStretch:
    starts = [product.offset_seconds for product in phase.products]
    began = min(starts, default=whole) if phase.began is None else phase.began
    ended = max(began, whole) if phase.ended is None else phase.ended
    slowest_first = sorted(phase.products, key=lambda product: -product.duration_seconds)
    return PhaseStretch(
        phase=name,
        offset_seconds=began,
        duration_seconds=ended - began,
        outcome=phase.outcome,
        products=tuple(slowest_first),
    )


def bar(stretch: Stretch, whole_seconds: float, width: int, block: str = "█") -> str:
    """The stretch drawn to scale: blanks up to its start, then at least one block."""
    if whole_seconds <= 0:
        return block
    begin = min(width - 1, int(min(1.0, stretch.offset_seconds / whole_seconds) * width))
    length = max(1, round(min(1.0, stretch.duration_seconds / whole_seconds) * width))
    return " " * begin + block * min(length, width - begin)
