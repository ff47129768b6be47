"""How one product is carried through one phase: pages for the MirrorWriter, one after the other.

Each job is a generator. The worker sends every page to the MirrorWriter, goes on only when it is
stored, and sends the job what it came to; the last page carries the cursor's move. What the
generator returns is the outcome. Tests have files of their own: `actors/jobs/tests_job.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from actors.clock import Clock
from actors.jobs.features import FeaturesReading, unpaged_page
from actors.jobs.tests_job import list_tests
from actors.jobs.verdict import Job, ProductVerdict, gaps_verdict
from actors.messages import SyncProduct
from actors.ports import MirrorQueries, RemoteClient
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncPhase
from rules.records import CursorMove, Page, Stored


def job_for(task: SyncProduct, client: RemoteClient, queries: MirrorQueries, clock: Clock) -> Job:
    """The job that a SyncProduct asks for. Raises TestioError while it is carried out."""
    match task.phase:
        case SyncPhase.PRODUCTS:
            return list_products(task, client, clock)
        case SyncPhase.FEATURES:
            return list_features(task, client, queries, clock)
        case SyncPhase.NEW_TESTS:
            return list_tests(task, client, queries, clock)
        case _:
            assert_never(task.phase)


def list_products(task: SyncProduct, client: RemoteClient, clock: Clock) -> Job:
    """The whole product list, in one page."""

    def read() -> Page:
        now = clock.now()
        listed = client.list_products(task.requests)
        return unpaged_page(task, Kind.PRODUCTS, listed, CursorMove(as_of=now))

    return (yield from _listed(task, read))


def list_features(
    task: SyncProduct, client: RemoteClient, queries: MirrorQueries, clock: Clock
) -> Job:
    """All features of a product, in one page."""
    features = FeaturesReading(task, client, queries, clock)
    verdict = yield from _listed(task, features.read)
    if features.problem is None or verdict.outcome is not Outcome.COMPLETE:
        return verdict
    return ProductVerdict(outcome=Outcome.PARTIAL, problem=features.problem)


def _listed(task: SyncProduct, read: Callable[[], Page]) -> Job:
    """One page, read in full; with `--force` what it lacks is settled by a second reading.

    Without it the next run's listing is the second one (rule 8).
    """
    page = read()
    stored = yield page
    if task.ticket.request.options.force and stored.missing and stored.pending_id is None:
        page = _confirming(read())
        stored = yield page
    bad = {row.fingerprint: row for row in page.bad_rows}
    if stored.pending_id is not None:
        return _held(page, stored)
    return gaps_verdict(stored.gaps, bad, {})


def _confirming(page: Page) -> Page:
    assert page.cursor is not None
    return replace(page, cursor=replace(page.cursor, confirming=True))


def _held(page: Page, stored: Stored) -> ProductVerdict:
    message = (
        f"the list lacks {stored.missing} {page.kind.value} that the mirror holds; nothing was "
        f"marked. If it is true: testio-sync deletions accept {stored.pending_id}"
    )
    problem = Problem(kind=ErrorKind.HELD, message=message)
    return ProductVerdict(outcome=Outcome.PARTIAL, problem=problem)
