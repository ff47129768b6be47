"""How the remote is asked: what was sent so far, and the limits as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.model import BreakerState


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteState:
    """How the remote is asked. `results` counts attempts since the start, by `ok` or failure.

    `in_flight` are attempts on the wire. `parked_seconds`: nobody sends for so long, because the
    remote asked for it. `breaker` is `open` while requests are held back because the whole remote
    fails, since `open_seconds`.
    """

    results: Mapping[str, int]
    retries: int
    in_flight: int
    connections: int
    requests_per_second: int
    parked_seconds: float
    breaker: BreakerState
    open_seconds: float
    last_failure: str
