"""Which ends of runs a person is told of: what changes at once, what stays the same now and then.

Told are trouble (a run failed, is partial or was killed, the daemon cannot write or gave up),
and its end. A cancelled run
tells nothing of the account. What was told is kept beside the mirror, so that a restart neither
repeats it nor forgets that a recovery is still to be told.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from rules.model import Problem, RunStatus, SyncPhase, SyncScope


class Event(StrEnum):
    """What a notification is about. The names are public."""

    RUN_FAILED = "run_failed"
    RUN_PARTIAL = "run_partial"
    RECOVERED = "recovered"
    RUN_INTERRUPTED = "run_interrupted"
    CANNOT_WRITE = "cannot_write"
    GAVE_UP = "gave_up"
    TEST = "test"


TROUBLE: Mapping[RunStatus | None, Event] = {
    RunStatus.FAILED: Event.RUN_FAILED,
    RunStatus.PARTIAL: Event.RUN_PARTIAL,
    RunStatus.INTERRUPTED: Event.RUN_INTERRUPTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """The end of a run, or other `trouble` of the daemon, as far as the decision goes.

    `periodic`: it was the daemon's own run, of all that it is to mirror.
    """

    at: datetime
    status: RunStatus | None
    phases: frozenset[SyncPhase] = frozenset(SyncPhase)
    scope: SyncScope = field(default_factory=SyncScope)
    problems: tuple[Problem, ...] = ()
    trouble: Event | None = None
    periodic: bool = False

    @property
    def event(self) -> Event | None:
        """What kind of trouble this is; None where it is none."""
        return self.trouble or TROUBLE.get(self.status)

    @property
    def fingerprint(self) -> str:
        """Equal for the same trouble: its event and the places and types of its problems.

        The texts of problems are left out: they may hold times and numbers.
        """
        places = {(p.kind.value, p.phase or "", p.product_id or 0) for p in self.problems}
        text = json.dumps([self.event, sorted(places)])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlert:
    """What was told and is not over. `suppressed`: how often it came again untold since `told_at`.

    `phases` and `scope` are what a run has to cover for its success to be the end of it.
    """

    event: Event
    fingerprint: str
    since: datetime
    told_at: datetime
    phases: frozenset[SyncPhase]
    scope: SyncScope
    suppressed: int = 0

    def as_json(self) -> str:
        """The text that `of_json` reads."""
        ids = self.scope.product_ids
        return json.dumps(
            {
                "event": self.event.value,
                "likeness": self.fingerprint,
                "since": self.since.isoformat(),
                "told_at": self.told_at.isoformat(),
                "phases": sorted(self.phases),
                "product_ids": None if ids is None else sorted(ids),
                "kept_back": self.suppressed,
            }
        )

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Raises ValueError where the text is not one of ours."""
        try:
            found: Mapping[str, Any] = json.loads(text)
            ids = found["product_ids"]
            return cls(
                event=Event(found["event"]),
                fingerprint=str(found["likeness"]),
                since=datetime.fromisoformat(found["since"]),
                told_at=datetime.fromisoformat(found["told_at"]),
                phases=frozenset(map(SyncPhase, found["phases"])),
                scope=SyncScope(product_ids=None if ids is None else frozenset(ids)),
                suppressed=int(found["kept_back"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not what was told: {text[:80]}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to tell, if anything, and what is to be remembered.

    `after`: once it was told; where nothing is to be told, at once. `since`: when the trouble
    began. `suppressed`: how often it came again since it was last told.
    """

    event: Event | None
    after: OpenAlert | None
    since: datetime | None = None
    suppressed: int = 0
    again: bool = False


def decide(told: OpenAlert | None, now: RunEnd, *, repeat_seconds: float) -> Decision:
    """Whether this is to be told, after what was told before."""
    if now.event is not None:
        return _trouble(told, now, now.event, repeat_seconds)
    if told is None or now.status is not RunStatus.SUCCESS or not _covers(now, told):
        return Decision(event=None, after=told)
    return Decision(event=Event.RECOVERED, after=None, since=told.since, suppressed=told.suppressed)


def _trouble(told: OpenAlert | None, now: RunEnd, event: Event, repeat_seconds: float) -> Decision:
    again = told is not None and told.fingerprint == now.fingerprint
    if told is not None and again and not _is_due(told, now.at, repeat_seconds):
        return Decision(event=None, after=replace(told, suppressed=told.suppressed + 1))
    after = OpenAlert(
        event=event,
        fingerprint=now.fingerprint,
        since=now.at if told is None else told.since,
        told_at=now.at,
        phases=now.phases if told is None else now.phases | told.phases,
        scope=now.scope if told is None else now.scope.union(told.scope),
    )
    suppressed = told.suppressed if told is not None and again else 0
    return Decision(event=event, after=after, since=after.since, suppressed=suppressed, again=again)


def _is_due(told: OpenAlert, at: datetime, repeat_seconds: float) -> bool:
    """A time in the future counts as due: the clock was wrong."""
    return not told.told_at <= at < told.told_at + timedelta(seconds=repeat_seconds)


def _covers(now: RunEnd, told: OpenAlert) -> bool:
    """A success vouches for nothing that it was not asked for."""
    return now.periodic or (now.phases >= told.phases and now.scope.covers(told.scope))
