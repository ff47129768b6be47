"""What a benchmark comes to: figures, each perhaps with a target, met or not."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound on the median of a figure: the most it may be, or the least."""

    most: float | None = None
    least: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value keeps to it."""
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )

    def __str__(self) -> str:
        bounds = (("at most", self.most), ("at least", self.least))
        return ", ".join(f"{word} {bound:,g}" for word, bound in bounds if bound is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One thing measured, in each round. `group` tells figures of the same name apart."""

    name: str
    unit: str
    values: list[float]
    target: Target | None = None
    group: str = ""

    @property
    def median(self) -> float:
        """The middle of the rounds; its target is judged by it."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target is None else self.target.holds(self.median)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark: what was measured, the figures, and what a reader has to know beside them."""

    name: str
    title: str
    what: str
    figures: list[Figure]
    notes: list[str] = field(default_factory=list)

    @property
    def missed(self) -> list[Figure]:
        """The figures that do not meet their target."""
        return [figure for figure in self.figures if figure.met is False]

    @property
    def rounds(self) -> str:
        """How often it was measured, in words."""
        most = max((len(figure.values) for figure in self.figures), default=0)
        return "1 round" if most == 1 else f"{most} rounds"

    def as_json(self) -> dict[str, Any]:
        """As it stands in the file of results."""
        return asdict(self)

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Result:
        """From what `as_json` gave."""
        return cls(**{**told, "figures": [_figure(each) for each in told["figures"]]})


def _figure(told: dict[str, Any]) -> Figure:
    target = None if told["target"] is None else Target(**told["target"])
    return Figure(**{**told, "target": target})
