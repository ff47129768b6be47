"""The Coordinator's notes on the run at work."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from actors.messages import RunTicket
from rules.model import ErrorKind, Outcome, Problem, RunStatus, SyncPhase, SyncResult, in_order
from rules.run.admission import RunningRun
from rules.run.outcome import RunTally, is_fit_to_replace
from rules.run.progress import PhaseProgress, RunProgress


@dataclass(slots=True, kw_only=True)
class ActiveRun:
    """Which phases are ahead, what came out so far, and why it ends early, if it does.

    Of a fresh start: the urn of the writer that puts it in place, and why the old mirror was kept.
    """

    ticket: RunTicket
    ahead: list[SyncPhase]
    tally: RunTally = field(default_factory=RunTally)
    totals: dict[SyncPhase, int] = field(default_factory=dict)
    finished: set[SyncPhase] = field(default_factory=set)
    left_out: set[int] = field(default_factory=set)
    ending: Problem | None = None
    closing: bool = False
    adopted_by: str | None = None
    kept: Problem | None = None

    @property
    def run_id(self) -> int:
        """The run's id."""
        return self.ticket.run_id

    @property
    def phases(self) -> tuple[SyncPhase, ...]:
        """The phases asked for, in order."""
        return in_order(self.ticket.request.phases)

    def concerns(self, product_id: int) -> bool:
        """Whether something may still be done for this product."""
        wanted = self.ticket.request.scope.product_ids
        if self.closing or self.ending is not None or product_id in self.left_out:
            return False
        if wanted is not None and product_id not in wanted:
            return False
        last = self.phases[-1]
        ended = self.tally.outcomes.get(last, {})
        return last is not SyncPhase.PRODUCTS and product_id not in ended

    def as_running(self) -> RunningRun:
        """What the decision on another request needs to know."""
        begun = frozenset(self.phases) - frozenset(self.ahead)
        if self.ending is not None:
            begun = frozenset(self.phases)  # nothing of it will still be done
        return RunningRun(request=self.ticket.request, phases_begun=begun)

    def result(self, now: float) -> SyncResult:
        """What the run came to; `now` is on the clock of elapsed seconds."""
        result = self.tally.result(
            run_id=self.run_id,
            trigger=self.ticket.request.trigger,
            phases=self.phases,
            counts=self.ticket.written.by_kind(),
            cancelled=self.ending is not None and self.ending.kind is ErrorKind.CANCELLED,
            duration_seconds=now - self.ticket.started,
        )
        return result if self.kept is None else _with_old_mirror(result, self.kept)

    @property
    def is_fit_to_replace(self) -> bool:
        """Whether what a fresh start has built may be put in place."""
        return self.ending is None and is_fit_to_replace(self.tally.outcomes)

    def progress(self, now: float) -> RunProgress:
        """How far the run is; `now` is on the clock of elapsed seconds."""
        return RunProgress(
            run_id=self.run_id,
            trigger_source=self.ticket.request.trigger,
            started_at=self.ticket.started_at,
            elapsed_seconds=round(now - self.ticket.started, 3),
            cancelling=self.ending is not None,
            phases=tuple(self._phase_progress(phase) for phase in self.phases),
        )

    def _phase_progress(self, phase: SyncPhase) -> PhaseProgress:
        outcomes = self.tally.outcomes.get(phase, {})
        complete = sum(outcome is Outcome.COMPLETE for outcome in outcomes.values())
        return PhaseProgress(
            phase=phase,
            total=self.totals.get(phase),
            complete=complete,
            failed=len(outcomes) - complete,
            finished=phase in self.finished,
        )


def _with_old_mirror(result: SyncResult, why: Problem) -> SyncResult:
    """Nothing of what was read is in the mirror, so nothing of it was synced."""
    failed = result.status is RunStatus.SUCCESS
    return replace(
        result,
        status=RunStatus.FAILED if failed else result.status,
        products_synced=0,
        errors=(*result.errors, why),
    )
