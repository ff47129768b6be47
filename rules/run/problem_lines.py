"""The problems of a run as a few lines: those that are alike are told once, with how many."""

from __future__ import annotations

from collections.abc import Sequence

from rules.model import Problem

LINES = 10
"""So many lines at most, however many problems."""


def problem_lines(problems: Sequence[Problem]) -> tuple[list[str], int]:
    """The lines, and how many problems are in none of them, the most frequent ones first."""
    alike: dict[tuple[str | None, str, str], list[Problem]] = {}
    for problem in problems:
        key = (problem.phase, problem.kind, problem.message)
        alike.setdefault(key, []).append(problem)
    groups = sorted(alike.values(), key=len, reverse=True) if len(alike) > LINES else alike.values()
    shown = list(groups)[:LINES]
    return [_line(group) for group in shown], len(problems) - sum(map(len, shown))


def _line(alike: Sequence[Problem]) -> str:
    first = alike[0]
    place = f"product {first.product_id}" if first.product_id else "the account"
    more = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    phase = f", {first.phase.value}" if first.phase else ""
    return f"{place}{more}{phase}: {first.kind.value}: {first.message}"
