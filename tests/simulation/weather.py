"""What goes wrong in one life, how often, and which of it has happened."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from rules.model import ErrorKind, SyncPhase
from testio import errors

CHANCES = {
    "slow request": 0.3,
    "failing request": 0.15,
    "hanging request": 0.05,
    "refused token": 0.01,
    "bug in a request": 0.03,
    "unreadable mirror": 0.03,
    "bug in reading the mirror": 0.01,
    "slow page": 0.2,
    "refused page": 0.05,
    "bug before a page is stored": 0.02,
    "bug after a page is stored": 0.02,
    "slow event": 0.2,
    "refused event": 0.2,
    "bug before an event is written": 0.2,
    "unwritable fresh start": 0.2,
    "killed actor": 0.4,
    "unusable row": 0.05,
}
"""The largest chance of each. A life has about half of them."""

FAILURES: tuple[type[errors.TestioError], ...] = (
    errors.Forbidden,
    errors.NotFound,
    errors.RateLimited,
    errors.ServerError,
    errors.Timeout,
    errors.ConnectionFailed,
    errors.RemoteDown,
    errors.BadPayload,
)

BUGS: tuple[type[BaseException], ...] = (RuntimeError, MemoryError, SystemExit, KeyboardInterrupt)

Fault = tuple[int, SyncPhase, int, ErrorKind]
"""Which run, phase and product met what."""


@dataclass
class Weather:
    """Says what goes wrong next, by the seed. While it is `calm`, nothing does."""

    seed: object
    calm: bool = True
    chances: dict[str, float] = field(default_factory=dict)
    met: set[Fault] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/weather")
        for what, most in CHANCES.items():
            if self.rng.random() < 0.45:
                self.chances[what] = most * self.rng.random()
        # Dice of its own: what else goes wrong in a life does not depend on it.
        self.slow_rows = random.Random(f"{self.seed}/slow rows").random() < 0.1
        self.sick = {
            product: self.rng.choice(FAILURES) for product in range(1, 8) if self.rng.random() < 0.1
        }

    def brings(self, what: str) -> bool:
        """Whether this goes wrong now."""
        if self.calm or self.rng.random() >= self.chances.get(what, 0.0):
            return False
        self.seen.add(what)
        return True

    def bug(self) -> BaseException:
        """An exception that nobody expects."""
        return self.rng.choice(BUGS)("a bug")
