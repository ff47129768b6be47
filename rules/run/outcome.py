"""What a run came to, from what its products came to (rule 11)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rules.model import (
    ALL_PHASES,
    NOTHING,
    PRODUCT_LIST,
    Counts,
    ErrorKind,
    Kind,
    Outcome,
    Problem,
    RunStatus,
    SyncPhase,
    SyncResult,
    Trigger,
)

NO_PRODUCTS = "there was no product to sync: the account's list of products is empty"

END_THE_RUN = frozenset({ErrorKind.UNAUTHORIZED, ErrorKind.WRONG_ACCOUNT})
"""Failures after which no other product can do better: the run ends at once (rule 12)."""


@dataclass(slots=True, kw_only=True)
class RunTally:
    """Adds up the outcomes of a run's products. Not thread-safe; the Coordinator owns it."""

    outcomes: dict[SyncPhase, dict[int, Outcome]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(
        self,
        phase: SyncPhase,
        product_id: int,
        outcome: Outcome,
        *,
        problem: Problem | None = None,
    ) -> None:
        """Take in how one product came out of one phase."""
        self.outcomes.setdefault(phase, {})[product_id] = outcome
        if problem is not None:
            self.problems.append(problem)

    def begin(self, phase: SyncPhase) -> None:
        """The phase has begun; one without products is complete."""
        self.outcomes.setdefault(phase, {})

    def result(
        self,
        *,
        run_id: int,
        trigger: Trigger,
        phases: tuple[SyncPhase, ...],
        counts: Mapping[Kind, Counts],
        cancelled: bool,
        duration_seconds: float,
    ) -> SyncResult:
        """What the run came to, once every product has come out; `counts` is what was written."""
        status = run_status(self.outcomes, cancelled=cancelled)
        tests, synced = counts.get(Kind.TESTS, NOTHING), self._products_synced(phases, counts)
        is_vacuous = status is RunStatus.SUCCESS and synced == 0
        return SyncResult(
            run_id=run_id,
            status=status,
            trigger_source=trigger,
            phases_completed=tuple(phase for phase in phases if self._is_complete(phase)),
            products_synced=synced,
            products_failed=len(self._products_with(frozenset({Outcome.FAILED, Outcome.PARTIAL}))),
            features_refreshed=counts.get(Kind.FEATURES, NOTHING).seen,
            tests_discovered=tests.new,
            tests_updated=tests.changed,
            duration_seconds=duration_seconds,
            counts=dict(counts),
            warnings=(*self.warnings, *((NO_PRODUCTS,) if is_vacuous else ())),
            errors=tuple(self.problems),
        )

    def _products_synced(self, phases: tuple[SyncPhase, ...], counts: Mapping[Kind, Counts]) -> int:
        if set(phases) == {SyncPhase.PRODUCTS}:
            return counts.get(Kind.PRODUCTS, NOTHING).seen
        return len(self._complete_products(phases))

    def _is_complete(self, phase: SyncPhase) -> bool:
        outcomes = self.outcomes.get(phase)
        return outcomes is not None and phase_outcome(outcomes.values()) is Outcome.COMPLETE

    def _products_with(self, wanted: frozenset[Outcome]) -> set[int]:
        """Products with at least one phase that came out as one of `wanted`."""
        return {
            product_id
            for phase, outcomes in self.outcomes.items()
            if phase is not SyncPhase.PRODUCTS
            for product_id, outcome in outcomes.items()
            if outcome in wanted and product_id != PRODUCT_LIST
        }

    def _complete_products(self, phases: tuple[SyncPhase, ...]) -> set[int]:
        """Products that came out complete in each of the phases that go through products."""
        by_phase = [self._complete_in(phase) for phase in phases if phase is not SyncPhase.PRODUCTS]
        return set.intersection(*by_phase) if by_phase else set()

    def _complete_in(self, phase: SyncPhase) -> set[int]:
        outcomes = self.outcomes.get(phase, {})
        return {product for product, outcome in outcomes.items() if outcome is Outcome.COMPLETE}


def run_status(
    outcomes: Mapping[SyncPhase, Mapping[int, Outcome]], *, cancelled: bool
) -> RunStatus:
    """The status of a run that has ended.

    `success` only if everything in scope is complete (an account may be empty); `failed` if
    nothing is; else `partial`.
    """
    if cancelled:
        return RunStatus.CANCELLED
    flat = [outcome for by_product in outcomes.values() for outcome in by_product.values()]
    if all(outcome is Outcome.COMPLETE for outcome in flat):
        return RunStatus.SUCCESS
    if any(outcome in (Outcome.COMPLETE, Outcome.PARTIAL) for outcome in flat):
        return RunStatus.PARTIAL
    return RunStatus.FAILED


def is_fit_to_replace(outcomes: Mapping[SyncPhase, Mapping[int, Outcome]]) -> bool:
    """Whether a fresh start may take the old mirror's place: nothing in it failed (rule 16)."""
    usable = {Outcome.COMPLETE, Outcome.PARTIAL}
    return set(outcomes) == set(ALL_PHASES) and all(
        usable.issuperset(by_product.values()) for by_product in outcomes.values()
    )


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
