"""When a periodic run is due (rule 3). Times are seconds on a clock that counts suspended time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class StartupSync(StrEnum):
    """Whether the daemon begins with a run."""

    ALWAYS = "always"
    IF_STALE = "if-stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A grid of due times. `interval` 0 means that there are no periodic runs.

    `paused_until` None, while paused: until somebody resumes. `startup_waits`: the run at start is
    to be made once nothing is paused.
    """

    interval: float
    grid: float
    due_at: float
    paused: bool = False
    paused_until: float | None = None
    startup_waits: bool = False

    @classmethod
    def starting(cls, *, now: float, interval: float) -> Schedule:
        """The schedule of a daemon that starts now: the first periodic run after one interval."""
        return cls(interval=interval, grid=now, due_at=now + interval)

    @property
    def periodic(self) -> bool:
        """Whether periodic runs happen at all, pauses aside."""
        return self.interval > 0

    def is_due(self, now: float) -> bool:
        """Whether a tick is to be sent now."""
        return self.periodic and not self.paused and now >= self.due_at

    def after_tick(self, now: float, jitter: float = 0.0) -> Schedule:
        """The schedule once a tick was sent. Ticks missed in the meantime are not made up for."""
        steps = max(1, int((now - self.grid) // self.interval))
        grid = self.grid + steps * self.interval
        return replace(self, grid=grid, due_at=grid + self.interval + jitter)

    def pause(self, until: float | None = None) -> Schedule:
        """No ticks until then, or until resumed; stands in place of an earlier pause."""
        return replace(self, paused=True, paused_until=until)

    def resume(self) -> Schedule:
        """Ticks again; one that fell due during the pause is sent at once."""
        return replace(self, paused=False, paused_until=None, startup_waits=False)

    def pause_is_over(self, now: float) -> bool:
        """Whether a pause that was to end by itself is to end now."""
        return self.paused and self.paused_until is not None and now >= self.paused_until

    def with_interval(self, interval: float, now: float) -> Schedule:
        """Another interval, counted from the last tick; what is overdue by it is due now."""
        return replace(self, interval=interval, due_at=max(now, self.grid + interval))

    def next_at(self) -> float | None:
        """When the next tick will be sent; None if none will."""
        if not self.periodic or (self.paused and self.paused_until is None):
            return None
        return self.due_at if self.paused_until is None else max(self.due_at, self.paused_until)


def wants_startup_run(
    policy: StartupSync, *, last_success: datetime | None, now: datetime, interval: float
) -> bool:
    """Whether to begin with a run. A last run in the future counts as due: the clock was wrong."""
    if policy is StartupSync.ALWAYS or last_success is None or last_success > now:
        return True
    return now - last_success >= timedelta(seconds=interval)
