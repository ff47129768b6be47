"""A sync of a remote that gives ETags: what has not changed is not sent, and nothing is missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from actors import tests_reading
from actors.jobs import job_for
from actors.messages import RunTicket, SyncProduct
from config.loading import load_settings
from rules.model import (
    PRODUCT_LIST,
    Kind,
    RunRequest,
    RunStatus,
    SyncOptions,
    SyncPhase,
    Trigger,
)
from service.store import MirrorDirectory
from service.verify import verify
from simulator import PlainFeatures
from storage.times import as_text
from testio.limits import RequestScope
from tests.fakes import START, FakeAccount, FakeClock
from tests.rig import Rig

MakeRig = Callable[..., Rig]

FORCE = SyncOptions(force=True)
IN_FULL = SyncOptions(reconcile_seconds=0)
NOTHING_NEW = (
    "SELECT 'p', id, changed_at, first_seen_at, data FROM products"
    " UNION ALL SELECT 'f', id, changed_at, first_seen_at, data FROM features"
    " UNION ALL SELECT 't', id, changed_at, first_seen_at, data FROM tests ORDER BY 1, 2"
)
LAST_RUN = (
    "SELECT rows_new, rows_changed, rows_unchanged, rows_revived, rows_gone"
    " FROM sync_runs ORDER BY id DESC LIMIT 1"
)


def statuses(rig: Rig) -> Counter[int]:
    return Counter(line.status or 0 for line in rig.simulator.requests())


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    return make_rig(products=3, features=4, tests=70, section_products=1, etags=True)


@pytest.mark.parametrize("options", [None, IN_FULL], ids=["incremental", "full"])
def test_where_nothing_is_new_nothing_is_sent_and_no_row_is_rewritten(
    rig: Rig, options: SyncOptions | None
) -> None:
    assert rig.sync().status is RunStatus.SUCCESS
    rows, as_of = rig.sql(NOTHING_NEW), rig.sql("SELECT current_as_of FROM freshness")
    listed = "SELECT id, listed_in FROM tests"
    by_the_first = rig.sql(listed)
    again = rig.sync(options)
    assert (again.status, again.features_refreshed) == (RunStatus.SUCCESS, 3 * 4)
    found = statuses(rig)
    # Of a full listing, windows may be read ahead that lie beyond the end of the list.
    assert found[304] >= 1 + 3 * (2 if options is None else 4)
    assert options is IN_FULL or set(found) == {304}, rig.simulator.requests()
    assert rig.sql(NOTHING_NEW) == rows
    assert min(rig.sql("SELECT current_as_of FROM freshness")) > max(as_of), "each cursor moves"
    [(new, changed, unchanged, revived, gone)] = rig.sql(LAST_RUN)
    assert (new, changed, revived, gone) == (0, 0, 0, 0)
    [(start,)] = rig.sql("SELECT started_at FROM sync_runs ORDER BY id DESC LIMIT 1")
    confirmed = rig.sql(
        "SELECT (SELECT count(*) FROM products WHERE synced_at > ?)"
        " + (SELECT count(*) FROM features WHERE synced_at > ?)"
        " + (SELECT count(*) FROM tests WHERE synced_at > ?)",
        *(start,) * 3,
    )
    assert confirmed == [(unchanged,)], "just the rows that are called unchanged were confirmed"
    if options is IN_FULL:
        assert unchanged == 3 + 3 * 4 + 3 * 70
        assert not set(by_the_first) & set(rig.sql(listed)), "the full listing holds each row"
    else:
        assert unchanged - 3 - 3 * 4 == 3 * 30, "one window of each product"
    assert rig.differences() == []


@pytest.mark.parametrize("most_waiting", [500, 40])
def test_unchanged_pages_wait_for_the_last_one_up_to_a_number_of_rows(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, most_waiting: int
) -> None:
    """Where sixty tests are open, a listing reads on: their pages have to be read again."""
    monkeypatch.setattr("actors.tests_reading.MOST_WAITING", most_waiting)
    one, *_ = rig.products()
    for number, test in enumerate(rig.tests(one)[:60]):
        end = datetime.now(UTC) + timedelta(days=60 - number)
        rig.simulator.mutate("change", "test", id=test, fields={"end_at": end.isoformat()})
    rig.sync()
    start = as_text(datetime.now(UTC))
    assert rig.sync().status is RunStatus.SUCCESS
    assert set(statuses(rig)) == {304}
    confirmed = rig.sql(
        "SELECT count(*) FROM tests WHERE product_id = ? AND synced_at > ?", one, start
    )
    assert confirmed == [(70,)]
    assert rig.differences() == []


def test_what_changes_upstream_is_found_as_without_tags(rig: Rig) -> None:
    rig.sync()
    one, two, three = rig.products()
    rig.simulator.mutate("change", "test", id=rig.tests(one)[2], fields={"title": "another"})
    rig.simulator.mutate("add", "test", product_id=two, fields={"title": "brand new"})
    deep = rig.tests(three)[65]
    rig.simulator.mutate("change", "test", id=deep, fields={"title": "below the stop"})
    result = rig.sync()
    assert (result.status, result.tests_discovered, result.tests_updated) == (
        RunStatus.SUCCESS,
        1,
        1,
    )
    assert {line.split(":")[0] for line in rig.differences()} == {f"tests {deep}"}, "as ever"
    rig.simulator.mutate("delete", "test", id=rig.tests(one)[40])
    feature = next(iter(rig.simulator.account()["features"][str(two)]))["id"]
    rig.simulator.mutate(
        "change", "feature", product_id=two, id=feature, fields={"title": "another"}
    )
    result = rig.sync(IN_FULL)
    assert (result.status, result.tests_updated) == (RunStatus.SUCCESS, 1)
    assert result.counts[Kind.TESTS].gone == 1
    assert result.counts[Kind.FEATURES].changed == 1
    assert rig.differences() == []
    assert statuses(rig)[304] > 1, "other pages were not sent"


def test_a_row_that_is_gone_twice_is_marked_though_the_second_list_was_not_sent(rig: Rig) -> None:
    rig.sync()
    one, *_ = rig.products()
    feature = rig.simulator.account()["features"][str(one)][0]["id"]
    rig.simulator.mutate("delete", "feature", product_id=one, id=feature)
    rig.sync()
    assert rig.sql("SELECT count(*) FROM features WHERE deleted_at IS NOT NULL") == [(0,)]
    assert rig.sync().counts[Kind.FEATURES].gone == 1
    assert statuses(rig)[304] == sum(statuses(rig).values())
    assert rig.differences() == []


def test_the_brake_holds_as_long_as_the_list_stays_so_short(make_rig: MakeRig) -> None:
    rig = make_rig(products=1, features=15, tests=5, section_products=0, etags=True)
    rig.sync()
    [product] = rig.products()
    for (feature,) in rig.sql("SELECT id FROM features LIMIT 12"):
        rig.simulator.mutate("delete", "feature", product_id=product, id=feature)
    for _ in range(3):
        assert rig.sync().status is RunStatus.PARTIAL
        assert rig.sql("SELECT count(*), max(row_count) FROM held_deletions") == [(1, 12)]
    assert rig.requests("features") == 1
    assert 304 in statuses(rig)


def test_what_comes_back_is_revived_although_its_old_page_is_known(rig: Rig) -> None:
    rig.sync()
    one, *_ = rig.products()
    truth = rig.simulator.account()["tests"][str(one)][3]
    key = truth.pop("id")
    rig.simulator.mutate("delete", "test", id=key)
    rig.sync(IN_FULL)
    assert rig.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL") == [(key,)]
    rig.simulator.mutate("add", "test", product_id=one, id=key, fields=truth)
    rig.sync()
    assert rig.sql("SELECT rows_revived FROM sync_runs ORDER BY id DESC LIMIT 1") == [(1,)]
    assert rig.differences() == []


def test_force_believes_no_tag_and_keeps_new_ones(rig: Rig) -> None:
    rig.sync(FORCE)
    with rig.database.transaction() as connection:
        connection.execute("DELETE FROM page_etags")
    for _ in range(2):
        rig.sync(FORCE)
        assert set(statuses(rig)) == {200}
    rig.sync()
    assert set(statuses(rig)) == {304}


def test_verify_asks_for_everything(rig: Rig) -> None:
    rig.sync()
    rig.simulator.forget_requests()
    flags = {
        "TESTIO_DB_PATH": str(rig.database.path),
        "TESTIO_CUSTOMER_API_BASE_URL": rig.simulator.base_url,
    }
    assert verify(load_settings(flags=flags), SecretStr(rig.simulator.token)).findings == ()
    assert set(statuses(rig)) == {200}


def test_since_neither_uses_nor_keeps_tags(rig: Rig) -> None:
    long_ago = SyncOptions(since=START - timedelta(days=9000))
    rig.sync(long_ago)
    assert rig.sql("SELECT count(*) FROM page_etags") == [(0,)]
    rig.sync()
    kept = rig.sql("SELECT url, etag, listing FROM page_etags")
    assert kept
    rig.sync(long_ago)
    assert set(statuses(rig)) == {200}
    assert rig.sql("SELECT url, etag, listing FROM page_etags") == kept


def test_a_row_that_something_else_has_changed_is_asked_for_in_full(rig: Rig) -> None:
    rig.sync()
    one, *_ = rig.products()
    head = rig.tests(one)[0]
    with rig.database.transaction() as connection:
        connection.execute("UPDATE tests SET title='x', content_hash='x' WHERE id=?", (head,))
    rig.sync()
    sent = [line.path for line in rig.simulator.requests() if line.status == 200]
    assert sent == [f"/customer/v2/products/{one}/exploratory_tests"]
    assert rig.differences() == []


def test_a_product_with_records_that_cannot_be_used_is_read_in_full(rig: Rig) -> None:
    one, *_ = rig.products()
    path = f"/products/{one}/exploratory_tests"
    fault = rig.simulator.add_fault(kind="wrong_types", rows=1, path=path)
    assert rig.sync().status is RunStatus.PARTIAL
    assert rig.sync().status is RunStatus.PARTIAL
    sent = {line.path.removeprefix("/customer/v2") for line in rig.simulator.requests()}
    assert sent > {path}
    assert {x.status for x in rig.simulator.requests() if path in x.path} == {200}
    rig.simulator.remove_fault(fault)
    assert rig.sync(IN_FULL).status is RunStatus.SUCCESS
    assert rig.differences() == []
    rig.sync()
    rig.sync()
    assert set(statuses(rig)) == {304}


def test_features_by_section_have_no_tags(make_rig: MakeRig) -> None:
    rig = make_rig(
        products=1,
        features=4,
        tests=5,
        section_products=1,
        etags=True,
        plain_features_for_sections=PlainFeatures.EMPTY,
    )
    for _ in range(2):
        assert rig.sync().status is RunStatus.SUCCESS
    assert {x.status for x in rig.simulator.requests() if "features" in x.path} == {200}
    assert rig.sql("SELECT count(*) FROM page_etags WHERE kind = 'features'") == [(0,)]
    assert rig.differences() == []


def test_too_many_unchanged_rows_do_not_wait_for_the_last_page(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.sync()
    rig.sync()
    expected = rig.sql(LAST_RUN)
    monkeypatch.setattr(tests_reading, "MOST_WAITING", 5)
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sql(LAST_RUN) == expected
    assert set(statuses(rig)) == {304}
    rig.sync()
    assert set(statuses(rig)) == {304}, "a flushed page is known once its listing has ended"


def test_an_account_that_is_not_recognised_yet_has_to_show_its_products(rig: Rig) -> None:
    """A tag of the old token says nothing about whose account a new one is for."""
    rig.sync()
    asked: list[str | None] = []

    class Account(FakeAccount):
        def list_products(self, scope: RequestScope, *, etag: str | None = None):  # type: ignore[no-untyped-def]
            asked.append(etag)
            return super().list_products(scope)

    task = SyncProduct(
        ticket=RunTicket(
            run_id=9, request=RunRequest(trigger=Trigger.API), started_at=START, started=0.0
        ),
        attempt=1,
        phase=SyncPhase.PRODUCTS,
        product_id=PRODUCT_LIST,
        requests=RequestScope(),
        reply_to=None,  # type: ignore[arg-type]
    )
    directory = MirrorDirectory(rig.database.path)
    for is_recognised in (True, False):
        job = job_for(task, Account(), directory, FakeClock(), is_recognised=is_recognised)
        next(job)
        job.close()
    directory.close()
    known, unknown = asked
    assert known is not None
    assert unknown is None
