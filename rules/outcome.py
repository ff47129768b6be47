"""What a run came to, from what its products came to (rule 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rules.model import NOTHING, Counts, ErrorKind, Kind, Outcome, Problem, RunStatus, SyncPhase

END_THE_RUN = frozenset({ErrorKind.UNAUTHORIZED})
"""Failures after which no other product can do better: the run ends at once (rule 12)."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Adds up the outcomes of a run's products. Not thread-safe; the Coordinator owns it."""

    outcomes: dict[SyncPhase, dict[int, Outcome]] = field(default_factory=dict)
    counts: dict[Kind, Counts] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(
        self,
        phase: SyncPhase,
        product_id: int,
        outcome: Outcome,
        *,
        counts: Counts = NOTHING,
        problem: Problem | None = None,
    ) -> None:
        """Take in how one product came out of one phase."""
        self.outcomes.setdefault(phase, {})[product_id] = outcome
        self.counts[phase.kind] = self.counts.get(phase.kind, NOTHING) + counts
        if problem is not None:
            self.problems.append(problem)

    def is_complete(self, phase: SyncPhase) -> bool:
        """Whether the phase has ended complete for everything in its scope."""
        return all(o is Outcome.COMPLETE for o in self.outcomes.get(phase, {}).values())

    def products(self, outcome_in: frozenset[Outcome]) -> set[int]:
        """Products with at least one phase that came out as one of `outcome_in`."""
        return {
            product_id
            for phase, outcomes in self.outcomes.items()
            if phase is not SyncPhase.PRODUCTS
            for product_id, outcome in outcomes.items()
            if outcome in outcome_in
        }

    def complete_products(self) -> set[int]:
        """Products that are complete in every phase they were part of."""
        return self.products(frozenset({Outcome.COMPLETE})) - self.products(NOT_COMPLETE)


NOT_COMPLETE = frozenset({Outcome.PARTIAL, Outcome.FAILED, Outcome.SKIPPED})


def run_status(
    outcomes: Mapping[SyncPhase, Mapping[int, Outcome]], *, cancelled: bool
) -> RunStatus:
    """The status of a run that has ended.

    `success` only if everything in scope is complete; `failed` if nothing is; else `partial`.
    """
    if cancelled:
        return RunStatus.CANCELLED
    flat = [outcome for by_product in outcomes.values() for outcome in by_product.values()]
    if flat and all(outcome is Outcome.COMPLETE for outcome in flat):
        return RunStatus.SUCCESS
    if any(outcome in (Outcome.COMPLETE, Outcome.PARTIAL) for outcome in flat):
        return RunStatus.PARTIAL
    return RunStatus.FAILED


def phase_outcome(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a phase as a whole. A phase with no products is complete."""
    seen = set(outcomes)
    if seen <= {Outcome.COMPLETE}:
        return Outcome.COMPLETE
    if seen <= {Outcome.SKIPPED}:
        return Outcome.SKIPPED
    if seen <= {Outcome.FAILED, Outcome.SKIPPED}:
        return Outcome.FAILED
    return Outcome.PARTIAL
