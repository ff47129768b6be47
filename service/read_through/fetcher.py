"""Fetches entities on a few threads of its own, each entity once however many ask for it.

The bugs of several tests are asked for together, and each test's are stored by themselves.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.settings import Settings
from config.threads import is_no_thread
from rules.mirror.fetching import THE_PRODUCT_LIST, Entity, FetchOutcome, FetchState, Subject
from rules.model import ErrorKind
from service.read_through.bugs_reader import Pace
from service.read_through.fetched import Fetched
from service.read_through.mirror_view import MirrorView
from service.read_through.remote_reader import RemoteReader
from service.read_through.single_flight import SingleFlight
from service.store import Store
from storage.engine.errors import StorageError
from storage.writes.fetched_rows import FetchedRows
from testio.cancellation import Cancellation
from testio.client import TestioClient
from testio.errors import TestioError
from testio.limits import RequestScope, RetryBudget

log = structlog.get_logger(__name__)

THREADS = 8
THREADS_FOR_ONE = 4
"""Threads for one call of `refresh`, so that another one never waits for all of them."""

RETRIES = 2
"""For one call: somebody waits for it, and there often are stale rows to show instead."""

PENDING = FetchOutcome(state=FetchState.PENDING)
FRESH = FetchOutcome(state=FetchState.FRESH)

Outcomes = Mapping[Entity, FetchOutcome]


def make_fetcher(settings: Callable[[], Settings], client: TestioClient, store: Store) -> Fetcher:
    """What fetches single products and tests in this process, as it is configured then."""
    return Fetcher(
        client=client,
        rows=FetchedRows(store.database),
        path=store.database.path,
        mirror_since=lambda: settings().sync_since,
    )


class Fetcher:
    """Fetches in the process that holds the writer lock, for any number of threads."""

    def __init__(
        self,
        *,
        client: TestioClient,
        rows: FetchedRows,
        path: Path,
        mirror_since: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._client = client
        self._rows = rows
        self._mirror = MirrorView(path)
        self._mirror_since = mirror_since
        self._single_flight: SingleFlight[Entity, FetchOutcome] = SingleFlight()
        self._cancellation = Cancellation()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="testio-fetch")

    def refresh(
        self,
        entities: Iterable[Entity],
        not_before: datetime,
        *,
        seconds: float | None = None,
    ) -> Outcomes:
        """Fetch what is not known as of `not_before` or later; says of each what became of it.

        After `seconds` no other fetch begins; what has not ended by then is PENDING, and goes on.
        """
        wanted = list(dict.fromkeys(entities))
        batch = _Batch(wanted)
        scope = RequestScope(cancellation=self._cancellation, retries=RetryBudget(RETRIES))
        try:
            wait(self._begun(batch, len(wanted), not_before, scope, seconds), timeout=seconds)
        finally:
            batch.end()
        return batch.outcomes(wanted)

    def _begun(
        self,
        batch: _Batch,
        size: int,
        not_before: datetime,
        scope: RequestScope,
        seconds: float | None,
    ) -> list[Future[None]]:
        """The threads that work on it. Where none is to be had, the caller's does: it waits."""
        begun: list[Future[None]] = []
        try:
            begun.extend(
                self._pool.submit(self._work, batch, not_before, scope)
                for _ in range(min(THREADS_FOR_ONE, size))
            )
        except RuntimeError as error:
            if not is_no_thread(error):
                raise
            if not begun:
                until = math.inf if seconds is None else time.monotonic() + seconds
                self._work(batch, not_before, scope, until)
        return begun

    def close(self) -> None:
        """Cut what is under way. A refresh that waits returns, and no other one is possible."""
        self._cancellation.cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _work(
        self, batch: _Batch, not_before: datetime, scope: RequestScope, until: float = math.inf
    ) -> None:
        while time.monotonic() < until and (entities := batch.next()):
            batch.note(self._shared(entities, not_before, scope, batch.pace))

    def _shared(
        self, entities: Iterable[Entity], not_before: datetime, scope: RequestScope, pace: Pace
    ) -> Outcomes:
        return self._single_flight.run_all(
            entities, lambda mine: self._fetch(mine, not_before, scope, pace)
        )

    def _fetch(
        self, entities: list[Entity], not_before: datetime, scope: RequestScope, pace: Pace
    ) -> Outcomes:
        outcomes: dict[Entity, FetchOutcome] = {}
        part = scope.part()
        try:
            now = datetime.now(UTC)
            # It may have been fetched while this one waited for its turn, or for the lock.
            outcomes |= {
                entity: FRESH
                for entity in entities
                if self._mirror.freshness(entity).is_fresh(not_before=not_before, now=now)
            }
            if old := [entity for entity in entities if entity not in outcomes]:
                for entity, brought in self._reader(not_before, part, pace).read(old):
                    outcomes[entity] = self._stored(entity, brought)
                    part.large.let_go()
            return outcomes
        except _NoSections as error:
            [entity] = entities
            return {entity: self._failed(entity, error.kind, str(error))}
        except StorageError as error:
            failure = FetchOutcome.failed(ErrorKind.STORAGE, str(error))
        except BaseException:
            log.exception("fetch_crashed", entities=[str(entity) for entity in entities])
            failure = FetchOutcome.failed(
                ErrorKind.CRASHED, "the fetch failed on this; see the log"
            )
        finally:
            scope.release(part)
        return dict.fromkeys(entities, failure) | outcomes

    def _reader(self, not_before: datetime, scope: RequestScope, pace: Pace) -> RemoteReader:
        def refresh_sections() -> datetime:
            flown = self._shared([THE_PRODUCT_LIST], not_before, scope, pace)
            outcome = flown[THE_PRODUCT_LIST]
            as_of = self._mirror.freshness(THE_PRODUCT_LIST).as_of
            if outcome.error is not None or as_of is None:
                raise _NoSections(outcome.error or ErrorKind.NEVER_LISTED, outcome.message)
            return as_of

        return RemoteReader(
            client=self._client,
            mirror=self._mirror,
            scope=scope,
            mirror_since=self._mirror_since(),
            refresh_sections=refresh_sections,
            pace=pace,
        )

    def _stored(self, entity: Entity, fetched: Fetched | TestioError) -> FetchOutcome:
        if isinstance(fetched, TestioError):
            return self._failed(entity, fetched.kind, str(fetched))
        self._rows.store(entity, fetched.pages, as_of=fetched.as_of, at=datetime.now(UTC))
        if fetched.as_of is None:
            return self._failed(entity, ErrorKind.NEVER_LISTED, fetched.message)
        return FetchOutcome(state=FetchState.REFRESHED, message=fetched.message)

    def _failed(self, entity: Entity, kind: ErrorKind, message: str) -> FetchOutcome:
        if kind is not ErrorKind.CANCELLED:
            try:
                self._rows.note_failure(entity, f"{kind.value}: {message}", at=datetime.now(UTC))
            except StorageError as error:
                log.warning("fetch_failure_not_noted", entity=str(entity), error=str(error))
        return FetchOutcome.failed(kind, message)


class _NoSections(Exception):
    """The product list, which names the sections to ask for, could not be refreshed."""

    def __init__(self, kind: ErrorKind, why: str) -> None:
        super().__init__(f"the product's sections are not known: {why}")
        self.kind = kind


class _Batch:
    """The entities of one call, handed out in the order they were asked for. Thread-safe."""

    def __init__(self, entities: Iterable[Entity]) -> None:
        self._lock = threading.Lock()
        self._waiting = deque(entities)
        self._ended: dict[Entity, FetchOutcome] = {}
        self.pace = Pace()

    def next(self) -> list[Entity]:
        """What to fetch next: the bugs of several tests, or one entity of another subject.

        Empty when there is nothing, or no time left.
        """
        with self._lock:
            chosen = [self._waiting.popleft()] if self._waiting else []
            while (
                self._waiting
                and len(chosen) < self.pace.most
                and _go_together(chosen[0], self._waiting[0])
            ):
                chosen.append(self._waiting.popleft())
            return chosen

    def note(self, outcomes: Outcomes) -> None:
        """These have ended. Where the token is refused, no other one can do better."""
        with self._lock:
            self._ended |= outcomes
            for outcome in outcomes.values():
                if outcome.error is ErrorKind.UNAUTHORIZED:
                    self._ended |= dict.fromkeys(self._waiting, outcome)
                    self._waiting.clear()

    def end(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._waiting.clear()

    def outcomes(self, entities: Iterable[Entity]) -> Outcomes:
        """What became of each so far."""
        with self._lock:
            return {entity: self._ended.get(entity, PENDING) for entity in entities}


def _go_together(one: Entity, other: Entity) -> bool:
    return one.subject is other.subject is Subject.BUGS
