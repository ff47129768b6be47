"""What an operator has chosen at run time. It outlives the daemon and comes before the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

PREFIX = "operator."
UNTIL_RESUMED = "until resumed"

LONGEST_INTERVAL = 604_800.0
LONGEST_PAUSE = 31_536_000.0
MOST_CONNECTIONS = 64
HIGHEST_RATE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenNumbers:
    """What an operator has chosen at run time; null is as configured."""

    interval_seconds: float | None = None
    concurrency: int | None = None
    requests_per_second: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOverrides(ChosenNumbers):
    """The numbers, and the pause; `paused_until` None while paused: until somebody resumes."""

    paused: bool = False
    paused_until: datetime | None = None

    def pause(self, until: datetime | None) -> RuntimeOverrides:
        """No periodic runs until then."""
        return replace(self, paused=True, paused_until=until)

    def resume(self) -> RuntimeOverrides:
        """Periodic runs."""
        return replace(self, paused=False, paused_until=None)

    def choose(self, name: str, value: float | None) -> RuntimeOverrides:
        """Another number; None: as the settings say."""
        chosen: dict[str, Any] = {name: value}
        return replace(self, **chosen)

    def is_paused(self, now: datetime) -> bool:
        """Whether a pause is on at that time: one that was to end by itself may have ended."""
        return self.paused and (self.paused_until is None or now < self.paused_until)

    def as_rows(self) -> dict[str, str]:
        """What is kept: names and texts. What was not chosen is not there."""
        rows: dict[str, str] = {}
        if self.paused:
            until = self.paused_until
            rows["paused"] = UNTIL_RESUMED if until is None else until.isoformat()
        for name in NUMBERS:
            if (value := getattr(self, name)) is not None:
                rows[name] = repr(value).removesuffix(".0")
        return {f"{PREFIX}{name}": text for name, text in rows.items()}


def overrides_of(rows: Mapping[str, str]) -> tuple[RuntimeOverrides, tuple[str, ...]]:
    """The overrides that were kept, and the names of rows that cannot be understood."""
    overrides, refused = RuntimeOverrides(), []
    for name, text in rows.items():
        try:
            overrides = _with(overrides, name.removeprefix(PREFIX), text)
        except ValueError:
            refused.append(name)
    return overrides, tuple(refused)


def _with(overrides: RuntimeOverrides, name: str, text: str) -> RuntimeOverrides:
    if name == "paused":
        return overrides.pause(None if text == UNTIL_RESUMED else _instant(text))
    if name not in NUMBERS:
        raise ValueError
    return overrides.choose(name, NUMBERS[name](text))


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant


def _between(number: float, low: float, high: float) -> float:
    if not low <= number <= high:
        raise ValueError
    return number


NUMBERS: dict[str, Callable[[str], Any]] = {
    "interval_seconds": lambda text: _between(float(text), 0, LONGEST_INTERVAL),
    "concurrency": lambda text: int(_between(int(text), 1, MOST_CONNECTIONS)),
    "requests_per_second": lambda text: int(_between(int(text), 0, HIGHEST_RATE)),
}
"""How each number is read; out of range is refused."""
