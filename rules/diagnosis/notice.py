"""What a notification says: a sentence or two for a person, and the same as fields for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rules.diagnosis.catalogue import CATALOGUE, entry_of
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import LOOK
from rules.diagnosis.notifying import Decision, Event, RunEnd
from rules.model import Problem, RunStatus, SyncResult
from rules.text.durations import spoken

PROBLEMS = 10
"""Problems that one notification holds; their number is given in full."""
PRODUCTS = 50
LONGEST = 300
"""Characters of one problem's message."""


SAID = {
    Event.GAVE_UP: "the daemon gives up",
    Event.CANNOT_WRITE: "the daemon cannot write to its database",
    Event.RUN_INTERRUPTED: "a run was killed before its end, and its process with it",
}
CODES = {
    Event.GAVE_UP: Code.GAVE_UP,
    Event.CANNOT_WRITE: Code.JOURNAL_STUCK,
    Event.RUN_INTERRUPTED: Code.RUN_INTERRUPTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Which daemon tells it."""

    host: str
    database: str
    pid: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notification. `as_json` is what is sent; the names of its fields are public."""

    event: Event
    text: str
    advice: str
    at: str
    host: str
    database: str
    pid: int
    version: str
    since: str | None = None
    kept_back: int = 0
    run_id: int | None = None
    status: str | None = None
    trigger_source: str | None = None
    duration_seconds: float | None = None
    products_synced: int | None = None
    products_failed: int | None = None
    products: Sequence[int] = ()
    problems: Sequence[dict[str, Any]] = ()
    problems_total: int = 0

    def as_json(self) -> dict[str, Any]:
        """The document that is sent."""
        return asdict(self)


def notice_of(
    decision: Decision,
    event: Event,
    now: RunEnd,
    result: SyncResult | None,
    sender: Sender,
    *,
    reason: str = "",
    action: str = "",
) -> Notice:
    """The notification of a run's end; without a result, that the daemon gives up for `reason`.

    `action`: what to do, if more is known than of its kind.
    """
    problems = now.problems
    advice = _advice(event, problems, action)
    return Notice(
        event=event,
        text=harmless_line(f"{_said(event, decision, now, result, sender, reason)} {advice}"),
        advice=advice,
        at=_text(now.at),
        **asdict(sender),
        since=None if decision.since is None else _text(decision.since),
        kept_back=decision.suppressed,
        products=_products(problems),
        problems=[_problem(each) for each in problems[:PROBLEMS]],
        problems_total=len(problems),
        **_run_fields(result),
    )


def trial_notice(sender: Sender, at: datetime) -> Notice:
    """What `testio-sync notify --test` sends."""
    return Notice(
        event=Event.TEST,
        text=f"testio-sync on {sender.host}: this is a test; notifications arrive.",
        advice="nothing to do",
        at=_text(at),
        **asdict(sender),
    )


def harmless_line(text: str) -> str:
    """The text on one line, without anything that could move a cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _said(
    event: Event,
    decision: Decision,
    now: RunEnd,
    result: SyncResult | None,
    sender: Sender,
    reason: str,
) -> str:
    who = f"testio-sync on {sender.host} ({sender.database})"
    lasted = spoken((now.at - (decision.since or now.at)).total_seconds())
    if result is None:
        return f"{who}: {SAID[event]}{f': {reason}' if reason else ''}."
    if event is Event.RECOVERED:
        return f"{who}: run {result.run_id} succeeded; all is well again after {lasted}."
    word = "failed" if result.status is RunStatus.FAILED else "is partial"
    first = f": {_short(now.problems[0])}" if now.problems else ""
    others = f", and {len(now.problems) - 1} more" if len(now.problems) > 1 else ""
    said = f"{who}: run {result.run_id} {word}{first}{others}."
    if not decision.again:
        return said
    return f"{said} It has been so for {lasted}; {decision.suppressed} times it was not told."


def _advice(event: Event, problems: Sequence[Problem], action: str) -> str:
    if event is Event.RECOVERED:
        return "Nothing to do."
    if not action and event in CODES:
        action = CATALOGUE[CODES[event]].action_with()
    entry = entry_of(problems[0].kind) if problems else None
    return f"What to do: {action or (entry.action_with() if entry else LOOK)}."


def _run_fields(result: SyncResult | None) -> dict[str, Any]:
    if result is None:
        return {}
    return {
        "run_id": result.run_id,
        "status": result.status.value,
        "trigger_source": result.trigger_source.value,
        "duration_seconds": round(result.duration_seconds, 3),
        "products_synced": result.products_synced,
        "products_failed": result.products_failed,
    }


def _products(problems: Sequence[Problem]) -> list[int]:
    return sorted({p.product_id for p in problems if p.product_id})[:PRODUCTS]


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "kind": problem.kind.value,
        "message": problem.message[:LONGEST],
        "phase": problem.phase and problem.phase.value,
        "product_id": problem.product_id,
    }


def _short(problem: Problem) -> str:
    return str(problem)[:LONGEST]


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
