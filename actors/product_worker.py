"""Carries one product through one phase: reads pages, has each stored, and reports the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import assert_never

import structlog

from actors.base import Address, BaseActor, safe_tell
from actors.clock import Clock
from actors.jobs.lists import job_for
from actors.jobs.verdict import Job, ProductVerdict
from actors.messages import (
    JoinReadAhead,
    MirrorLost,
    PageRefused,
    PageStored,
    Ping,
    ProductFailed,
    ProductSynced,
    StorePage,
    SyncProduct,
    WorkerMessage,
)
from actors.ports import AccountGuard, MirrorQueries, RemoteClient
from actors.worker_activity import Activity, WorkerActivity
from rules.model import NOTHING, ErrorKind, Kind, Outcome, Problem, SyncPhase
from rules.records import Page, Stored
from storage.engine.errors import StorageError
from testio.errors import TestioError


class ProductWorker(BaseActor):
    """Up to `max_workers` of; each runs, and waits for the remote, on a thread of its own.

    It decides nothing. One page at a time is unacknowledged, and one more is read meanwhile, so
    memory stays flat however large a product is. Left without a product, it reads ahead for the
    others until the phase ends. Every SyncProduct ends in one ProductSynced or ProductFailed to
    the phase that asked; a crash ends the worker, and the phase counts the product as failed.
    """

    def __init__(
        self,
        *,
        role: str,
        supervisor: Address,
        mirror: Address,
        client: RemoteClient,
        queries: MirrorQueries,
        account: AccountGuard,
        clock: Clock,
        activity: WorkerActivity,
    ) -> None:
        super().__init__(role=role, supervisor=supervisor)
        self._activities = activity
        activity.end(role)  # whatever stood there was the work of one that died
        self._account = account
        self._mirror = mirror
        self._client = client
        self._queries = queries
        self._clock = clock
        self._task: SyncProduct | None = None
        self._job: Job | None = None
        self._started = 0.0
        self._counts = NOTHING
        self._counted: set[int | str] = set()
        self._page_is_with: str | None = None
        self._then: Callable[[], None] | None = None

    def handle(self, message: WorkerMessage) -> bool:
        """Dispatch by type."""
        match message:
            case SyncProduct():
                self._begin(message)
            case JoinReadAhead():
                self._help(message)
            case PageStored():
                self._page_stored(message)
            case PageRefused():
                if self._is_mine(message.attempt):
                    self._fail(message.problem)
            case MirrorLost():
                self._mirror_lost(message)
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def _begin(self, task: SyncProduct) -> None:
        structlog.contextvars.bind_contextvars(
            run_id=task.ticket.run_id,
            phase=task.phase.value,
            **({"product_id": task.product_id} if task.product_id else {}),
        )
        self._task = task
        self._started = self._clock.elapsed()
        self._counts = NOTHING
        self._counted = set()
        self._activities.begin(self._activity(task))
        try:
            if not self._may_begin(task):
                self._fail(UNKNOWN_ACCOUNT)
                return
            self._job = job_for(task, self._client, self._queries_for(task), self._clock)
        except StorageError as error:
            self._fail(Problem(kind=ErrorKind.STORAGE, message=str(error)))
            return
        self._go_on()

    def _help(self, order: JoinReadAhead) -> None:
        structlog.contextvars.bind_contextvars(run_id=order.ticket.run_id, phase=order.phase.value)
        order.ahead.serve()
        structlog.contextvars.clear_contextvars()

    def _activity(self, task: SyncProduct) -> Activity:
        return Activity(
            role=self.role,
            run_id=task.ticket.run_id,
            phase=task.phase,
            product_id=task.product_id,
            since=self._started,
            moved=self._started,
            retried=task.requests.retried,
        )

    def _queries_for(self, task: SyncProduct) -> MirrorQueries:
        ticket = task.ticket
        return self._queries.fresh(ticket.run_id) if ticket.is_fresh_start else self._queries

    def _may_begin(self, task: SyncProduct) -> bool:
        """Only the list of products can show whose account this is; a fresh start may be any."""
        is_list = task.phase is SyncPhase.PRODUCTS
        return is_list or task.ticket.is_fresh_start or self._account.verified

    def _recognised(self, page: Page) -> Problem | None:
        """What is wrong with the account, by a list of products that is about to be stored."""
        assert self._task is not None
        if page.kind is not Kind.PRODUCTS or self._task.ticket.is_fresh_start:
            return None
        unusable = (bad.record_id for bad in page.bad_rows if bad.record_id is not None)
        return self._account.check({*page.listed_ids, *unusable})

    def _is_mine(self, attempt: int) -> bool:
        return self._task is not None and self._task.attempt == attempt

    def _page_stored(self, message: PageStored) -> None:
        if not self._is_mine(message.attempt):
            return
        self._page_is_with = None
        self._counts += message.stored.counts
        self._activities.stored(self.role, message.stored.counts.seen, self._clock.elapsed())
        then, self._then = self._then, None
        if then is not None:
            then()
        else:
            self._go_on(message.stored)

    def _mirror_lost(self, message: MirrorLost) -> None:
        if self._task is not None and self._page_is_with == message.lost_urn:
            self._fail(Problem(kind=ErrorKind.CRASHED, message="the mirror's writer crashed"))

    def _go_on(self, stored: Stored | None = None) -> None:
        """Read the next page and have it stored, or report the end."""
        assert self._job is not None
        try:
            page = next(self._job) if stored is None else self._job.send(stored)
            refusal = None if page is None else self._recognised(page)
        except StopIteration as end:
            self._when_stored(partial(self._finish, end.value))
        except TestioError as error:
            problem = Problem(kind=error.kind, message=str(error))
            self._when_stored(partial(self._fail, problem))
        except StorageError as error:
            problem = Problem(kind=ErrorKind.STORAGE, message=str(error))
            self._when_stored(partial(self._fail, problem))
        else:
            if refusal is not None:
                self._fail(refusal)
            elif page is None:
                self._when_stored(partial(self._go_on, Stored()))
            else:
                self._when_stored(partial(self._store, page))

    def _when_stored(self, then: Callable[[], None]) -> None:
        """Do this as soon as no page is with the MirrorWriter any more."""
        if self._page_is_with is None:
            then()
        else:
            self._then = then

    def _store(self, page: Page) -> None:
        """Hand a page to the MirrorWriter; unless it is decisive, read the next one meanwhile."""
        assert self._task is not None
        here = page.countable
        again = here & self._counted
        self._counted |= here
        order = StorePage(
            ticket=self._task.ticket,
            attempt=self._task.attempt,
            page=replace(page, counted=again) if again else page,
            reply_to=self.actor_ref,
        )
        self._page_is_with = self._mirror.tell(order)
        if self._page_is_with is None:
            self._fail(Problem(kind=ErrorKind.CRASHED, message="the mirror's writer is gone"))
        elif not page.is_decisive:
            self._go_on(Stored())

    def _finish(self, verdict: ProductVerdict) -> None:
        task = self._end()
        safe_tell(
            task.reply_to,
            ProductSynced(
                run_id=task.ticket.run_id,
                attempt=task.attempt,
                phase=task.phase,
                product_id=task.product_id,
                outcome=verdict.outcome,
                counts=self._counts,
                duration_seconds=self._clock.elapsed() - self._started,
                problem=verdict.problem and placed(verdict.problem, task),
                warning=verdict.warning,
            ),
        )

    def _fail(self, problem: Problem) -> None:
        task = self._end()
        safe_tell(
            task.reply_to,
            ProductFailed(
                run_id=task.ticket.run_id,
                attempt=task.attempt,
                phase=task.phase,
                product_id=task.product_id,
                problem=placed(problem, task),
                duration_seconds=self._clock.elapsed() - self._started,
                outcome=_outcome_of(problem),
                counts=self._counts,
            ),
        )

    def _end(self) -> SyncProduct:
        assert self._task is not None
        task, self._task, self._job, self._page_is_with = self._task, None, None, None
        self._then = None
        self._activities.end(self.role)
        structlog.contextvars.clear_contextvars()
        return task


def _outcome_of(problem: Problem) -> Outcome:
    return Outcome.SKIPPED if problem.kind is ErrorKind.CANCELLED else Outcome.FAILED


def placed(problem: Problem, task: SyncProduct) -> Problem:
    """The same problem, with the phase and product it belongs to."""
    return replace(problem, phase=task.phase, product_id=task.product_id or None)


UNKNOWN_ACCOUNT = Problem(
    kind=ErrorKind.UNCONFIRMED,
    message="the token has changed, and only the list of products can show that it is for the "
    "same account; run the products phase first",
)
