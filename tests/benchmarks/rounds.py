"""Fair turns: all take part in every round, and every second round goes the other way round."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")


def in_turns(
    works: Mapping[K, Callable[[], T]], rounds: int, *, warm_up: bool = True
) -> dict[K, list[T]]:
    """What each work has returned in each round. A round before the first is not counted."""
    results: dict[K, list[T]] = {key: [] for key in works}
    for number in range(-1 if warm_up else 0, rounds):
        order = list(works.items())
        for key, work in order if number % 2 == 0 else reversed(order):
            result = work()
            if number >= 0:
                results[key].append(result)
    return results


def ratios(over: list[float], under: list[float]) -> list[float]:
    """Of each round its own ratio: what slows the machine for a while slows both sides."""
    return [one / other for one, other in zip(over, under, strict=True)]


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed; the share lies between 0 and 1."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
