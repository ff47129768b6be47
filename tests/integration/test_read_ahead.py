"""Idle workers read ahead for a product that another one carries."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from actors.read_ahead import Lookahead, ReadAhead
from rules.listing.windows import Window
from rules.model import RunStatus, SyncPhase
from rules.records import TestRecord
from rules.run.events import EventName
from testio.errors import Timeout
from testio.limits import RequestScope
from testio.payloads import Rows
from tests.conftest import Bench, wait_until
from tests.fakes import a_test, rows_of
from tests.rig import Rig

FIRST, SECOND, THIRD = (Window(page=page, per_page=30) for page in (1, 2, 3))


class Remote:
    """Answers with one row that tells the page, once it is let go."""

    def __init__(self) -> None:
        self.asked: list[Window] = []
        self.let_go = threading.Event()
        self.let_go.set()
        self.broken = False

    def __call__(self, window: Window) -> Rows[TestRecord]:
        self.asked.append(window)
        assert self.let_go.wait(5)
        if self.broken:
            raise Timeout("no answer")
        return rows_of([a_test(window.page, 1)])


@pytest.fixture
def remote() -> Remote:
    return Remote()


@pytest.fixture
def ahead() -> ReadAhead:
    return ReadAhead()


@pytest.fixture
def lookahead(ahead: ReadAhead, remote: Remote) -> Lookahead:
    return ahead.open(remote)


def help_out(ahead: ReadAhead) -> threading.Thread:
    helper = threading.Thread(target=ahead.serve)
    helper.start()
    return helper


def test_without_helpers_nothing_is_planned(lookahead: Lookahead) -> None:
    assert lookahead.share == 0
    assert lookahead.take(FIRST) is None


def test_planned_windows_are_read_in_order_and_taken_once(
    ahead: ReadAhead, lookahead: Lookahead, remote: Remote
) -> None:
    helper = help_out(ahead)
    wait_until(lambda: lookahead.share > 0, what="the helper's arrival")
    lookahead.plan([FIRST, SECOND])
    wait_until(lambda: remote.asked == [FIRST, SECOND])
    rows = lookahead.take(FIRST)
    assert rows is not None
    assert rows.ids == (1,)
    assert lookahead.take(FIRST) is None, "a second time it has to be asked for"
    ahead.close()
    helper.join(5)
    assert not helper.is_alive()


def test_one_that_is_on_its_way_is_waited_for(
    ahead: ReadAhead, lookahead: Lookahead, remote: Remote
) -> None:
    remote.let_go.clear()
    helper = help_out(ahead)
    lookahead.plan([FIRST])
    wait_until(lambda: remote.asked == [FIRST])
    threading.Timer(0.05, remote.let_go.set).start()
    assert lookahead.take(FIRST) is not None
    ahead.close()
    helper.join(5)


def test_what_is_not_planned_any_more_is_not_used(
    ahead: ReadAhead, lookahead: Lookahead, remote: Remote
) -> None:
    helper = help_out(ahead)
    lookahead.plan([FIRST, SECOND])
    wait_until(lambda: remote.asked == [FIRST, SECOND])
    lookahead.plan([THIRD])
    assert lookahead.take(FIRST) is None
    assert lookahead.take(SECOND) is None
    wait_until(lambda: THIRD in remote.asked)
    lookahead.close()
    ahead.close()
    helper.join(5)


def test_a_failure_is_the_owners_to_meet(
    ahead: ReadAhead, lookahead: Lookahead, remote: Remote
) -> None:
    remote.broken = True
    helper = help_out(ahead)
    lookahead.plan([FIRST])
    wait_until(lambda: remote.asked == [FIRST])
    assert lookahead.take(FIRST) is None
    ahead.close()
    helper.join(5)


def test_a_window_that_nobody_has_begun_is_left_to_the_owner(
    lookahead: Lookahead, remote: Remote
) -> None:
    lookahead.plan([FIRST])
    assert lookahead.take(FIRST) is None
    assert remote.asked == []


@pytest.mark.parametrize("how", ["closed", "called back", "run over"])
def test_helpers_go_when_they_are_not_wanted_any_more(how: str) -> None:
    over = threading.Event()
    ahead = ReadAhead(over.is_set)
    helper = help_out(ahead)
    wait_until(lambda: ahead.share > 0, what="the helper's arrival")
    {"closed": ahead.close, "called back": ahead.call_back, "run over": over.set}[how]()
    helper.join(5)
    assert not helper.is_alive()
    assert ahead.share == 0


def a_large_product(bench: Bench, when: Callable[[RequestScope], None]) -> None:
    bench.account.products, bench.account.tests_each = (1,), 900
    bench.queries.products = (1,)
    bench.account.misbehave[SyncPhase.NEW_TESTS, 1] = when


def test_workers_without_a_product_help_with_a_large_one(bench: Bench) -> None:
    meeting = threading.Barrier(2)  # the helpers: their product's own worker waits for them
    met = threading.Event()

    def meet(scope: RequestScope) -> None:
        if not met.is_set() and bench.account.calls.count((SyncPhase.NEW_TESTS, 1)) > 6:
            meeting.wait(5)  # raises where they never ask at once
            met.set()

    a_large_product(bench, meet)
    assert bench.run(timeout=15).tests_discovered == 900
    assert met.is_set()
    stored = [record.id for page in bench.mirror.pages for record in page.records]
    assert stored[-900:] == sorted(stored[-900:]), "stored in the order of the list"


def test_a_helper_that_crashes_costs_the_product_nothing(bench: Bench) -> None:
    owner: list[int] = []
    crashed: list[int] = []

    def crash_helpers(scope: RequestScope) -> None:
        owner.append(threading.get_ident())
        if threading.get_ident() != owner[0]:
            crashed.append(threading.get_ident())
            raise RuntimeError("a bug")

    a_large_product(bench, crash_helpers)
    result = bench.run(timeout=15)
    assert (result.status, result.tests_discovered) == (RunStatus.SUCCESS, 900)
    assert 1 <= len(crashed) <= bench.workers, "one that died of it is not asked again"
    assert EventName.ACTOR_CRASHED in bench.events.names()


def test_a_cancelled_run_lets_the_helpers_go(bench: Bench) -> None:
    reached = threading.Event()

    def hang(scope: RequestScope) -> None:
        if bench.account.calls.count((SyncPhase.NEW_TESTS, 1)) > 8:
            reached.set()
            scope.cancellation.sleep(30)

    a_large_product(bench, hang)
    run_id = bench.start()
    assert reached.wait(5)
    bench.system.cancel("by a test")
    assert bench.wait(run_id).status is RunStatus.CANCELLED
    bench.account.misbehave.clear()
    assert bench.run(timeout=15).status is RunStatus.SUCCESS, "all workers are free again"


def test_what_is_read_for_nothing_is_bounded(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=900)
    rig.workers = 1
    rig.sync()
    alone = rig.requests("exploratory_tests")
    rig.sql("DELETE FROM tests")
    rig.workers = 6
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests("exploratory_tests") <= alone + 11, "two for each helper, and one"
    assert rig.differences() == []
