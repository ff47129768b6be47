"""How often actors may be restarted before the daemon gives up (Erlang/OTP's restart intensity)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """More than `restarts` within `seconds` is too often."""

    restarts: int
    seconds: float


LIMITS = (Limit(restarts=3, seconds=5.0), Limit(restarts=10, seconds=3600.0))


class RestartBudget:
    """Counts restarts against the limits. Times are seconds on any clock that only goes forward."""

    def __init__(self, limits: tuple[Limit, ...] = LIMITS) -> None:
        self._limits = limits
        self._at: deque[float] = deque(maxlen=1 + max(limit.restarts for limit in limits))

    def spend(self, now: float) -> Limit | None:
        """Note a restart at `now`; returns the limit that it exceeds, None if it is allowed."""
        self._at.append(now)
        for limit in self._limits:
            if sum(now - at <= limit.seconds for at in self._at) > limit.restarts:
                return limit
        return None
