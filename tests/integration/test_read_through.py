"""Read-through as a Python API: SQLite, the simulator over HTTP, threads. No daemon runs here."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from config.loading import load_settings
from config.settings import Settings
from rules.listing.windows import Window
from rules.model import ErrorKind, RunStatus
from service.assembly import make_sync_service
from service.read_through.api import CannotAnswer, ReadThrough, RowFilter, open_mirror
from service.store import open_store
from simulator import PlainFeatures, Simulator
from storage.engine.lock_holder import Role
from testio.client import TestioClient

LONG_AGO = "2020-01-01T00:00:00.000000Z"


@pytest.fixture
def settings(tmp_path: Path, simulator: Simulator) -> Settings:
    return settings_for(tmp_path, simulator)


def settings_for(folder: Path, simulator: Simulator, **more: str) -> Settings:
    flags = {
        "TESTIO_CUSTOMER_API_BASE_URL": simulator.base_url,
        "TESTIO_CUSTOMER_API_TOKEN": simulator.token,
        "TESTIO_DB_PATH": str(folder / "testio.db"),
        **more,
    }
    return load_settings(flags=flags, env_file=None)


@pytest.fixture
def mirror(settings: Settings, simulator: Simulator) -> ReadThrough:
    """A mirror that knows the product list and nothing else."""
    made = ReadThrough(settings)
    made.get_products_cached_or_refresh()
    simulator.forget_requests()
    return made


def products_of(simulator: Simulator) -> list[int]:
    return [product["id"] for product in simulator.account()["products"]]


def chosen_tests(simulator: Simulator, product_id: int, *, final: bool) -> list[int]:
    rows = simulator.account()["tests"][str(product_id)]
    return [row["id"] for row in rows if (row["status"] in ("archived", "cancelled")) is final]


def paths(simulator: Simulator) -> Counter[str]:
    return Counter(request.path.removeprefix("/customer/v2") for request in simulator.requests())


def sync(settings: Settings) -> None:
    """One run that lists everything."""
    assert settings.token is not None
    with open_store(settings, role=Role.ONE_SHOT) as store:
        result = make_sync_service(settings, settings.token, store).execute_sync()
    assert result.status is RunStatus.SUCCESS


def write(settings: Settings, statement: str) -> None:
    with closing(sqlite3.connect(settings.db_path)) as connection, connection:
        connection.execute(statement)


def grow_old(settings: Settings) -> None:
    """Let everything in the mirror be years old."""
    write(settings, f"UPDATE fetches SET fetched_at = '{LONG_AGO}'")
    write(settings, f"UPDATE sync_cursors SET current_as_of = '{LONG_AGO}'")
    write(settings, f"UPDATE tests SET synced_at = '{LONG_AGO}', changed_at = '{LONG_AGO}'")


def test_what_is_fresh_is_not_asked_for_and_what_is_stale_is_asked_for_once(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    first = mirror.get_features_cached_or_refresh([product])
    assert (first.statistics.hits, first.statistics.refreshed) == (0, 1)
    truth = simulator.account()["features"][str(product)]
    assert {row["id"]: row["title"] for row in first.rows} == {r["id"]: r["title"] for r in truth}
    assert len(simulator.requests()) == 1
    again = mirror.get_features_cached_or_refresh([product])
    assert (again.statistics.hits, again.statistics.refreshed) == (1, 0)
    assert len(simulator.requests()) == 1
    grow_old(settings)
    assert mirror.get_features_cached_or_refresh([product]).statistics.refreshed == 1
    assert len(simulator.requests()) == 2
    assert mirror.get_features_cached_or_refresh([product], max_age_seconds=0).statistics.refreshed
    assert len(simulator.requests()) == 3


@pytest.mark.parametrize("max_age", [None, 0.0])
def test_twenty_threads_that_ask_at_once_share_one_fetch(
    mirror: ReadThrough, simulator: Simulator, max_age: float | None
) -> None:
    product = products_of(simulator)[1]
    simulator.add_fault(kind="slow", seconds=0.5)
    together = threading.Barrier(20)

    def ask() -> int:
        together.wait(5.0)
        return len(mirror.get_features_cached_or_refresh([product], max_age_seconds=max_age).rows)

    with ThreadPoolExecutor(20) as pool:
        counts = [future.result(10.0) for future in [pool.submit(ask) for _ in range(20)]]
    assert counts == [4] * 20
    assert len(simulator.requests()) == 1


def test_two_handles_of_one_process_wait_for_each_other_and_fetch_once(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    simulator.add_fault(kind="slow", seconds=0.3)
    with ThreadPoolExecutor(2) as pool, open_mirror(settings) as other:
        asked = [pool.submit(m.get_features_cached_or_refresh, [product]) for m in (mirror, other)]
        assert [len(future.result(10.0).rows) for future in asked] == [4, 4]
    assert len(simulator.requests()) == 1


def test_final_tests_are_never_fetched_again_and_others_are(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    final, living = (chosen_tests(simulator, product, final=x)[0] for x in (True, False))
    assert mirror.get_tests_cached_or_refresh([final, living]).statistics.refreshed == 2
    grow_old(settings)
    simulator.forget_requests()
    answer = mirror.get_tests_cached_or_refresh([final, living], max_age_seconds=0)
    assert (answer.statistics.hits, answer.statistics.refreshed) == (1, 1)
    assert paths(simulator) == {f"/exploratory_tests/{living}": 1}


def test_a_final_test_from_a_list_is_fetched_once_for_its_metrics(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    mirror.get_tests_cached_or_refresh(product_ids=[product])
    final, living = (chosen_tests(simulator, product, final=x)[0] for x in (True, False))
    simulator.forget_requests()
    answer = mirror.get_tests_cached_or_refresh([final, living])
    assert answer.statistics.refreshed == 2, "no list brings metrics"
    assert all(row["metrics"]["analytics"]["testers_count"] > 0 for row in answer.rows)
    assert all(row["metrics_fetched_at"] > LONG_AGO for row in answer.rows)
    again = mirror.get_tests_cached_or_refresh([final, living])
    assert (again.statistics.hits, again.rows[0]["metrics"]) == (2, answer.rows[0]["metrics"])
    write(settings, f"UPDATE test_metrics SET fetched_at = '{LONG_AGO}'")
    write(settings, f"UPDATE tests SET changed_at = '{LONG_AGO}'")
    simulator.forget_requests()
    mirror.get_tests_cached_or_refresh([final, living])
    assert paths(simulator) == {f"/exploratory_tests/{living}": 1}, "a list refreshes no metrics"


def test_metrics_from_before_a_test_was_final_are_fetched_once_more(
    mirror: ReadThrough, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    living = chosen_tests(simulator, product, final=False)[0]
    mirror.get_tests_cached_or_refresh([living])
    simulator.mutate("change", "test", id=living, fields={"status": "archived"})
    mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    for refreshed in (1, 0):
        answer = mirror.get_tests_cached_or_refresh([living], max_age_seconds=0)
        assert answer.statistics.refreshed == refreshed


def test_a_test_whose_metrics_cannot_be_fetched_is_stale_with_its_age(
    mirror: ReadThrough, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    mirror.get_tests_cached_or_refresh(product_ids=[product])
    final = chosen_tests(simulator, product, final=True)[0]
    simulator.add_fault(kind="status", status=500, path="/exploratory_tests/*")
    answer = mirror.get_tests_cached_or_refresh([final])
    (row,) = answer.rows
    assert (row["is_stale"], row["metrics"], row["metrics_fetched_at"]) == (True, None, None)
    assert row["age_seconds"] is not None
    assert not answer.statistics.is_complete


def test_bugs_of_a_final_test_are_fetched_once_for_good(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    final, living = (chosen_tests(simulator, product, final=x)[0] for x in (True, False))
    mirror.get_tests_cached_or_refresh([final, living])
    mirror.get_bugs_cached_or_refresh([final, living])
    simulator.forget_requests()
    answer = mirror.get_bugs_cached_or_refresh([final, living], max_age_seconds=0)
    assert (answer.statistics.hits, answer.statistics.refreshed) == (1, 1)
    assert paths(simulator) == {"/bugs": 1}


def test_the_tests_of_a_product_are_read_down_to_what_a_listing_has_confirmed(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    truth = simulator.account()["tests"][str(product)]
    listing = f"/products/{product}/exploratory_tests"
    for _ in range(2):  # rows that were only read through vouch for none below them
        answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
        assert len(answer.rows) == len(truth)
        assert paths(simulator)[listing] == 3
        simulator.forget_requests()
    sync(settings)
    simulator.forget_requests()
    simulator.mutate("add", "test", product_id=product, fields={"title": "brand new"})
    answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    assert "brand new" in {row["title"] for row in answer.rows}
    assert paths(simulator)[listing] == 2


def test_no_living_test_is_missing_although_another_goes_between_two_pages(
    make_simulator: Callable[..., Simulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain pages lose the row that moves up over their edge, and nothing tells."""
    simulator = make_simulator(products=1, tests=90)
    mirror = ReadThrough(settings_for(tmp_path, simulator))
    mirror.get_products_cached_or_refresh()
    product = products_of(simulator)[0]
    ids = [row["id"] for row in simulator.account()["tests"][str(product)]]
    ask = TestioClient.list_tests

    def list_tests(client: TestioClient, product_id: int, window: Window, *a: Any, **k: Any) -> Any:
        if window.page == 2 and not gone:
            gone.append(simulator.mutate("delete", "test", id=ids[3]))
        return ask(client, product_id, window, *a, **k)

    gone: list[object] = []
    monkeypatch.setattr(TestioClient, "list_tests", list_tests)
    answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    assert gone
    assert answer.statistics.errors == ()
    assert set(ids) - {ids[3]} <= {row["id"] for row in answer.rows}


def test_a_list_that_is_never_the_same_is_not_called_fresh(
    make_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = make_simulator(products=1, tests=120)
    mirror = ReadThrough(settings_for(tmp_path, simulator))
    mirror.get_products_cached_or_refresh()
    product = products_of(simulator)[0]
    for row in simulator.account()["tests"][str(product)]:
        simulator.mutate("change", "test", id=row["id"], fields={"end_at": None})
    answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    [problem] = answer.statistics.errors
    assert "end at the same time" in problem.message
    assert not answer.statistics.is_complete


def test_an_open_test_below_what_was_listed_is_fetched_by_itself(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    sync(settings)
    oldest = simulator.account()["tests"][str(product)][-1]["id"]
    write(settings, f"UPDATE tests SET status = 'running' WHERE id = {oldest}")
    simulator.mutate("change", "test", id=oldest, fields={"title": "a new title"})
    simulator.forget_requests()
    answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    assert "a new title" in {row["title"] for row in answer.rows}
    assert paths(simulator)[f"/exploratory_tests/{oldest}"] == 1


def test_a_product_with_more_tests_than_are_read_is_not_called_fresh(
    mirror: ReadThrough, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.read_through.tests_reader.MOST_WINDOWS", 1)
    for _ in range(2):
        answer = mirror.get_tests_cached_or_refresh(product_ids=[products_of(simulator)[1]])
        assert len(answer.rows) == 30
        assert [problem.error for problem in answer.statistics.errors] == [ErrorKind.NEVER_LISTED]


def test_an_open_test_that_is_gone_upstream_is_told_of_and_left_alone(
    make_simulator: Callable[..., Simulator], tmp_path: Path
) -> None:
    simulator = make_simulator(products=1, tests=35)
    settings = settings_for(tmp_path, simulator)
    mirror = ReadThrough(settings)
    mirror.get_products_cached_or_refresh()
    product = products_of(simulator)[0]
    mirror.get_tests_cached_or_refresh(product_ids=[product])
    oldest = simulator.account()["tests"][str(product)][-1]["id"]
    write(settings, f"UPDATE tests SET status = 'running' WHERE id = {oldest}")
    simulator.mutate("delete", "test", id=oldest)
    answer = mirror.get_tests_cached_or_refresh(product_ids=[product], max_age_seconds=0)
    assert answer.statistics.is_complete
    assert f"no longer has test {oldest}" in answer.statistics.notes[0]
    assert oldest in {row["id"] for row in answer.rows}


def test_while_the_remote_is_down_stale_rows_come_with_their_age(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    known, never = products_of(simulator)[1:3]
    mirror.get_features_cached_or_refresh([known])
    grow_old(settings)
    simulator.add_fault(kind="reset")
    answer = mirror.get_features_cached_or_refresh([known, never])
    assert len(answer.rows) == 4
    assert all(row["is_stale"] and row["age_seconds"] > 3600 for row in answer.rows)
    statistics = answer.statistics
    assert (statistics.stale, statistics.is_complete) == (2, False)
    assert [p.error for p in statistics.errors] == [ErrorKind.CONNECTION_FAILED] * 2
    assert [p.age_seconds is None for p in statistics.errors] == [False, True]
    simulator.clear_faults()
    assert mirror.get_features_cached_or_refresh([known, never]).statistics.is_complete
    with closing(sqlite3.connect(settings.db_path)) as connection:
        assert connection.execute("SELECT last_error FROM fetches").fetchall() == [(None,)] * 3


def test_a_refused_token_is_asked_about_once(mirror: ReadThrough, simulator: Simulator) -> None:
    simulator.revoke_token()
    answer = mirror.get_tests_cached_or_refresh(range(1, 101))
    assert {problem.error for problem in answer.statistics.errors} == {ErrorKind.UNAUTHORIZED}
    assert answer.statistics.stale == 100
    assert len(simulator.requests()) <= 4


def test_bugs_are_gone_after_two_fetches_without_them_and_move_no_cursor(
    mirror: ReadThrough, settings: Settings, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    for test in chosen_tests(simulator, product, final=False):
        bugs = mirror.get_bugs_cached_or_refresh([test]).rows
        if len(bugs) > 1:
            break
    fault = simulator.add_fault(kind="omit_rows", path="/bugs")

    def ask(**narrowed: bool) -> set[int]:
        answer = mirror.get_bugs_cached_or_refresh(
            [test],
            max_age_seconds=0,
            narrowed=RowFilter(**narrowed),  # type: ignore[arg-type]
        )
        assert answer.statistics.is_complete
        return {row["id"] for row in answer.rows}

    before = {row["id"] for row in bugs}
    assert ask() == before
    left = ask()
    assert len(left) == len(before) - 1
    assert ask(deleted=True) == before
    simulator.remove_fault(fault)
    assert ask() == before
    with closing(sqlite3.connect(settings.db_path)) as connection:
        kinds = connection.execute("SELECT DISTINCT kind FROM sync_cursors").fetchall()
    assert kinds == []


def test_when_all_bugs_vanish_it_is_not_believed(mirror: ReadThrough, simulator: Simulator) -> None:
    product = products_of(simulator)[1]
    for test in chosen_tests(simulator, product, final=False):
        count = len(mirror.get_bugs_cached_or_refresh([test]).rows)
        if count:
            break
    simulator.add_fault(kind="omit_rows", path="/bugs", rows=100)
    for _ in range(2):
        answer = mirror.get_bugs_cached_or_refresh([test], max_age_seconds=0)
        assert len(answer.rows) == count
        assert [problem.error for problem in answer.statistics.errors] == [ErrorKind.HELD]
    simulator.clear_faults()
    assert mirror.get_bugs_cached_or_refresh([test], max_age_seconds=0).statistics.is_complete


@pytest.mark.parametrize("plain", list(PlainFeatures))
def test_features_in_sections_come_by_whichever_endpoint_answers(
    make_simulator: Callable[..., Simulator], tmp_path: Path, plain: PlainFeatures
) -> None:
    simulator = make_simulator(
        products=1, section_products=1, features=6, tests=1, plain_features_for_sections=plain
    )
    mirror = ReadThrough(settings_for(tmp_path, simulator))
    mirror.get_products_cached_or_refresh()
    product = products_of(simulator)[0]
    for _ in range(2):
        answer = mirror.get_features_cached_or_refresh([product], max_age_seconds=0)
        assert answer.statistics.is_complete
        assert len(answer.rows) == 6


def test_unusable_records_are_told_of_even_when_nothing_is_fetched(
    mirror: ReadThrough, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    simulator.add_fault(kind="wrong_types", rows=1, times=1, path="*/features")
    for _ in range(2):
        answer = mirror.get_features_cached_or_refresh([product])
        assert [problem.error for problem in answer.statistics.errors] == [ErrorKind.BAD_ROWS]
    assert len(simulator.requests()) == 1


def test_an_unknown_product_is_told_from_a_list_that_was_never_fetched(
    settings: Settings, simulator: Simulator
) -> None:
    mirror = ReadThrough(settings)
    with pytest.raises(CannotAnswer, match="the product list was never fetched"):
        mirror.get_features_cached_or_refresh([99])
    mirror.get_products_cached_or_refresh()
    with pytest.raises(CannotAnswer, match="there is no product 99"):
        mirror.get_tests_cached_or_refresh(product_ids=[99])
    with pytest.raises(CannotAnswer, match="there is no product 99"):
        mirror.get_products_cached_or_refresh(narrowed=RowFilter(product_ids=[99]))
    with pytest.raises(CannotAnswer, match="1000 are allowed at once"):
        mirror.get_bugs_cached_or_refresh(range(1, 1002))


def test_bugs_of_a_test_that_does_not_exist_are_no_empty_list(mirror: ReadThrough) -> None:
    answer = mirror.get_bugs_cached_or_refresh([999_999])
    assert [problem.error for problem in answer.statistics.errors] == [ErrorKind.NOT_FOUND]


def test_rows_are_chosen_by_status_end_and_number(
    mirror: ReadThrough, simulator: Simulator
) -> None:
    product = products_of(simulator)[1]
    mirror.get_tests_cached_or_refresh(product_ids=[product])

    def ids(**narrowed: object) -> set[int]:
        wanted = RowFilter(**narrowed)  # type: ignore[arg-type]
        rows = mirror.get_tests_cached_or_refresh(product_ids=[product], narrowed=wanted).rows
        return {row["id"] for row in rows}

    truth = simulator.account()["tests"][str(product)]
    archived = {row["id"] for row in truth if row["status"] == "archived"}
    assert ids(statuses=["archived"]) == archived
    assert len(ids(limit=3)) == 3
    assert ids(statuses=["no such status"]) == set()


def test_any_age_may_be_allowed(mirror: ReadThrough) -> None:
    answer = mirror.get_products_cached_or_refresh(max_age_seconds=1e15)
    assert answer.statistics.hits == 1


def test_tests_that_are_not_mirrored_are_not_read_either(
    simulator: Simulator, tmp_path: Path
) -> None:
    product = products_of(simulator)[1]
    ends = sorted((r["end_at"] for r in simulator.account()["tests"][str(product)]), reverse=True)
    mirror = ReadThrough(settings_for(tmp_path, simulator, TESTIO_SYNC_SINCE=ends[9]))
    mirror.get_products_cached_or_refresh()
    rows = mirror.get_tests_cached_or_refresh(product_ids=[product]).rows
    assert len(rows) == sum(end >= ends[9] for end in ends)
    assert paths(simulator)[f"/products/{product}/exploratory_tests"] == 2
