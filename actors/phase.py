"""What the three phases have in common: each hands its products to the workers, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, assert_never

from actors.base import Address, BaseActor
from actors.clock import Clock
from actors.event_queue import EventQueue
from actors.messages import (
    DropProduct,
    EndPhase,
    JoinReadAhead,
    PhaseFinished,
    PhaseMessage,
    PhaseStarted,
    Ping,
    ProductFailed,
    ProductSynced,
    RunPhase,
    RunTicket,
    SyncProduct,
    WorkerAdded,
    WorkerReplaced,
)
from actors.ports import MirrorQueries
from actors.read_ahead import ReadAhead
from rules.model import ErrorKind, Outcome, Problem, SyncPhase
from rules.run.backlog import Assignment, Backlog
from rules.run.events import EventName, SyncEvent
from rules.run.outcome import END_THE_RUN, phase_outcome
from storage.engine.errors import StorageError
from testio.limits import RequestScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The products of one phase. `unknown` are asked for but not in the account's list.

    `problem`: why the phase cannot even begin; then there are no products.
    """

    product_ids: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    problem: Problem | None = None


@dataclass(slots=True, kw_only=True)
class _ActivePhase:
    ticket: RunTicket
    backlog: Backlog
    started: float
    outcomes: list[Outcome] = field(default_factory=list)
    sent: dict[int, tuple[str, float]] = field(default_factory=dict)
    scopes: dict[int, RequestScope] = field(default_factory=dict)
    dropped: dict[int, Problem] = field(default_factory=dict)
    problem: Problem | None = None
    ahead: ReadAhead | None = None
    helpers: set[int] = field(default_factory=set)


class PhaseActor(BaseActor):
    """One phase; runs on a thread of its own and never touches the network.

    It holds the backlog and gives each free worker one product. A worker's death is that
    product's failure. Its own crash fails the run, and the Supervisor replaces all that works
    for a run.
    """

    phase: ClassVar[SyncPhase]
    reads_ahead: ClassVar[bool] = False
    """Whether workers that are left without a product help those that have one."""

    def __init__(
        self,
        *,
        supervisor: Address,
        coordinator: Address,
        workers: Sequence[Address],
        event_queue: EventQueue,
        queries: MirrorQueries,
        clock: Clock,
        attempts: Iterator[int],
    ) -> None:
        """`attempts` numbers the assignments of all phases, and outlives them."""
        super().__init__(role=f"{self.phase.value}-phase", supervisor=supervisor)
        self._coordinator = coordinator
        self._workers = workers
        self._event_queue = event_queue
        self._queries = queries
        self._clock = clock
        self._active: _ActivePhase | None = None
        self._attempts = attempts

    def find_work(self, ticket: RunTicket) -> Work:
        """Which products this phase is about, in this run."""
        raise NotImplementedError

    def handle(self, message: PhaseMessage) -> bool:
        """Dispatch by type."""
        match message:
            case RunPhase():
                self._begin(message)
            case ProductSynced() | ProductFailed():
                self._come_back(message)
            case DropProduct():
                self._drop_product(message)
            case WorkerReplaced():
                self._worker_replaced(message)
            case WorkerAdded():
                self._worker_added(message.index)
            case EndPhase():
                self._end_early(message)
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def _begin(self, order: RunPhase) -> None:
        ticket = order.ticket
        work = self._find_work_safely(ticket)
        active = _ActivePhase(
            ticket=ticket,
            backlog=Backlog(work.product_ids, workers=len(self._workers), attempts=self._attempts),
            started=self._clock.elapsed(),
            problem=work.problem and replace(work.problem, phase=self.phase),
            ahead=ReadAhead(lambda: ticket.is_over) if self.reads_ahead else None,
        )
        self._active = active
        total = active.backlog.total + len(work.unknown)
        self._event_queue.record(
            replace(self._event(EventName.PHASE_STARTED), detail={"products": total})
        )
        self._coordinator.tell(PhaseStarted(run_id=ticket.run_id, phase=self.phase, total=total))
        for product_id in work.unknown:
            self._product_ended(self._not_synced(product_id, 0, UNKNOWN_PRODUCT, Outcome.FAILED))
        for product_id in order.without:
            self._drop_from(active, product_id, LEFT_OUT)
        self._hand_out()

    def _find_work_safely(self, ticket: RunTicket) -> Work:
        try:
            return self.find_work(ticket)
        except StorageError as error:
            return Work(problem=Problem(kind=ErrorKind.STORAGE, message=str(error)))

    def _hand_out(self) -> None:
        """Give waiting products to free workers; with none left anywhere, the phase has ended."""
        active = self._active
        if active is None:
            return
        while (assignment := active.backlog.assign()) is not None:
            urn = self._workers[assignment.worker].tell(self._order(active, assignment))
            if urn is None:
                active.backlog.requeue(assignment.attempt)
            else:
                active.sent[assignment.attempt] = (urn, self._clock.elapsed())
            if assignment.worker in active.helpers and active.ahead is not None:
                active.ahead.call_back()
                active.helpers.clear()
        if active.backlog.is_done:
            self._finish(active)
        elif active.ahead is not None:
            self._have_help(active, active.ahead)

    def _have_help(self, active: _ActivePhase, ahead: ReadAhead) -> None:
        """Workers that are left over read ahead; one that has died of it is not asked again."""
        order = JoinReadAhead(ticket=active.ticket, phase=self.phase, ahead=ahead)
        for worker in active.backlog.left_over:
            if worker not in active.helpers:
                active.helpers.add(worker)
                self._workers[worker].tell(order)

    def _order(self, active: _ActivePhase, assignment: Assignment) -> SyncProduct:
        scope = active.scopes[assignment.product_id] = active.ticket.requests.part()
        return SyncProduct(
            ticket=active.ticket,
            attempt=assignment.attempt,
            phase=self.phase,
            product_id=assignment.product_id,
            requests=scope,
            reply_to=self.actor_ref,
            ahead=active.ahead,
        )

    def _come_back(self, message: ProductSynced | ProductFailed) -> None:
        """Take a product's end, unless that attempt was given up on before."""
        active = self._active
        if active is None or active.ticket.run_id != message.run_id:
            return
        if active.backlog.complete(message.attempt) is None:
            return
        active.sent.pop(message.attempt, None)
        self._release(active, message.product_id)
        self._product_ended(self._with_reason(active, message))
        if message.problem is not None and message.problem.kind in END_THE_RUN:
            self._drop_waiting(active, message.problem)
        self._hand_out()

    def _worker_replaced(self, message: WorkerReplaced) -> None:
        active = self._active
        if active is None:
            return
        active.backlog.worker_is_back(message.index)
        for assignment in active.backlog.out:
            urn, since = active.sent[assignment.attempt]
            if urn == message.lost_urn:
                lost = self._not_synced(
                    assignment.product_id, assignment.attempt, message.problem, Outcome.FAILED
                )
                self._come_back(replace(lost, duration_seconds=self._clock.elapsed() - since))
        self._hand_out()

    def _with_reason(
        self, active: _ActivePhase, message: ProductSynced | ProductFailed
    ) -> ProductSynced | ProductFailed:
        """A worker that was cut off knows no more than that; the phase knows why."""
        why = active.dropped.get(message.product_id)
        if why is None or message.outcome is not Outcome.SKIPPED:
            return message
        return replace(
            message, problem=replace(why, phase=self.phase, product_id=message.product_id)
        )

    def _release(self, active: _ActivePhase, product_id: int) -> None:
        scope = active.scopes.pop(product_id, None)
        if scope is not None:
            active.ticket.requests.release(scope)

    def _worker_added(self, index: int) -> None:
        if self._active is not None:
            self._active.backlog.worker_joined(index)
            self._hand_out()

    def _drop_product(self, message: DropProduct) -> None:
        active = self._active
        if active is None or active.ticket.run_id != message.run_id:
            return
        self._drop_from(active, message.product_id, message.problem)
        self._hand_out()

    def _drop_from(self, active: _ActivePhase, product_id: int, problem: Problem) -> None:
        """One that waits ends at once; one that is with a worker is cut, and then comes back."""
        if active.backlog.drop(product_id):
            self._product_ended(self._not_synced(product_id, 0, problem, Outcome.SKIPPED))
        elif (scope := active.scopes.get(product_id)) is not None:
            active.dropped[product_id] = problem
            scope.cancellation.cancel()

    def _end_early(self, message: EndPhase) -> None:
        active = self._active
        if active is None or active.ticket.run_id != message.run_id:
            return
        self._drop_waiting(active, message.problem)
        self._hand_out()

    def _drop_waiting(self, active: _ActivePhase, problem: Problem) -> None:
        for product_id in active.backlog.drop_waiting():
            self._product_ended(self._not_synced(product_id, 0, problem, Outcome.SKIPPED))

    def _not_synced(
        self, product_id: int, attempt: int, problem: Problem, outcome: Outcome
    ) -> ProductFailed:
        assert self._active is not None
        return ProductFailed(
            run_id=self._active.ticket.run_id,
            attempt=attempt,
            phase=self.phase,
            product_id=product_id,
            problem=replace(problem, phase=self.phase, product_id=product_id or None),
            duration_seconds=0.0,
            outcome=outcome,
        )

    def _product_ended(self, message: ProductSynced | ProductFailed) -> None:
        assert self._active is not None
        self._active.outcomes.append(message.outcome)
        self._event_queue.record(
            replace(
                self._event(_EVENT_OF[message.outcome]),
                product_id=message.product_id,
                outcome=message.outcome,
                duration_seconds=message.duration_seconds,
                counts=message.counts,
                problem=message.problem,
            )
        )
        self._coordinator.tell(message)

    def _finish(self, active: _ActivePhase) -> None:
        outcome = Outcome.FAILED if active.problem else phase_outcome(active.outcomes)
        self._event_queue.record(
            replace(
                self._event(EventName.PHASE_FINISHED),
                outcome=outcome,
                duration_seconds=self._clock.elapsed() - active.started,
                problem=active.problem,
            )
        )
        self._active = None
        if active.ahead is not None:
            active.ahead.close()
        self._coordinator.tell(
            PhaseFinished(
                run_id=active.ticket.run_id,
                phase=self.phase,
                problem=active.problem,
            )
        )

    def _event(self, name: EventName) -> SyncEvent:
        assert self._active is not None
        return SyncEvent(
            at=self._clock.now(),
            event=name,
            run_id=self._active.ticket.run_id,
            phase=self.phase,
        )


def work_of_known_products(queries: MirrorQueries, ticket: RunTicket) -> Work:
    """The products in scope that the mirror holds; the list was refreshed by the first phase."""
    if ticket.is_fresh_start:
        queries = queries.fresh(ticket.run_id)
    known, wanted = queries.known_products(), ticket.request.scope.product_ids
    if known is None:
        asked = SyncPhase.PRODUCTS in ticket.request.phases
        return Work(problem=LIST_FAILED if asked else NO_LIST)
    if wanted is None:
        return Work(product_ids=known)
    return Work(
        product_ids=tuple(product for product in known if product in wanted),
        unknown=tuple(sorted(wanted - set(known))),
    )


_EVENT_OF = {
    Outcome.COMPLETE: EventName.PRODUCT_SYNCED,
    Outcome.PARTIAL: EventName.PRODUCT_SYNCED,
    Outcome.FAILED: EventName.PRODUCT_FAILED,
    Outcome.SKIPPED: EventName.PRODUCT_SKIPPED,
}

UNKNOWN_PRODUCT = Problem(
    kind=ErrorKind.NOT_FOUND, message="no such product in the account's list of products"
)
LEFT_OUT = Problem(kind=ErrorKind.CANCELLED, message="left out of this run by an operator")
LIST_FAILED = Problem(
    kind=ErrorKind.NEVER_LISTED,
    message="no products to go by, because their list was not fetched",
)
NO_LIST = Problem(
    kind=ErrorKind.NEVER_LISTED,
    message="the list of products was never fetched; run the products phase first",
)
