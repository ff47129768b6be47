"""The mirror held against the live account: the real client, real storage, the simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from cli.verbs.verify import show
from config.loading import load_settings
from rules.model import SyncPhase
from service.checkup.verify import RemoteUnusable, TokenNotAccepted, verify
from service.checkup.verify_report import Report
from service.store import MirrorReader
from service.sync_service import Repositories, SyncService
from simulator import PlainFeatures, Simulator
from storage.engine.database import Database
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from testio.client import TestioClient


class Pair:
    """An account and its mirror."""

    def __init__(
        self, simulator: Simulator, database: Database, make_client: Callable[..., TestioClient]
    ) -> None:
        self.simulator, self.database, self._make_client = simulator, database, make_client

    def sync(self, *phases: SyncPhase) -> None:
        events = SyncLog(self.database)
        service = SyncService(
            client_factory=lambda: self._make_client(self.simulator),
            repositories=lambda: Repositories(
                mirror=MirrorRows(self.database),
                events=events,
                queries=MirrorReader(self.database.path),
                next_run_id=events.next_run_id(),
            ),
            workers=4,
        )
        service.execute_sync(phases or tuple(SyncPhase))

    def verify(self, *product_ids: int, sample: int | None = None, **more: str) -> Report:
        flags = {
            "TESTIO_DB_PATH": str(self.database.path),
            "TESTIO_CUSTOMER_API_BASE_URL": self.simulator.base_url,
            **more,
        }
        token = SecretStr(self.simulator.token)
        return verify(
            load_settings(flags=flags), token, product_ids=product_ids or None, sample=sample
        )

    def write(self, statement: str, *values: object) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement, values)

    @property
    def products(self) -> list[int]:
        return [row["id"] for row in self.simulator.account()["products"]]

    def tests(self, product_id: int) -> list[int]:
        return [row["id"] for row in self.simulator.account()["tests"][str(product_id)]]


@pytest.fixture
def pair(
    simulator: Simulator, database: Database, make_client: Callable[..., TestioClient]
) -> Pair:
    return Pair(simulator, database, make_client)


def found(report: Report) -> set[tuple[str, int, str, bool]]:
    return {(f.kind.value, f.id, f.what.value, f.explained) for f in report.findings}


def test_what_is_wrong_is_told_from_what_is_old(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.sync()
    assert pair.verify() == Report(compared=225)
    first, second, *_ = pair.products
    lost, marked, final, moving, gone, *_ = pair.tests(first)
    pair.write("DELETE FROM tests WHERE id = ?", lost)
    pair.write("UPDATE tests SET deleted_at = synced_at WHERE id = ?", marked)
    for key, status in ((final, "archived"), (moving, "running")):
        pair.write("UPDATE tests SET status = ? WHERE id = ?", status, key)
        pair.simulator.mutate("change", "test", id=key, fields={"title": "another"})
    pair.simulator.mutate("delete", "test", id=gone)
    fields = {"start_at": "2999-01-01T00:00:00Z", "end_at": "2999-01-02T00:00:00Z"}
    late = pair.simulator.mutate("add", "test", product_id=first, fields=fields)["id"]
    feature = pair.simulator.mutate("add", "feature", product_id=first)["id"]
    product = pair.simulator.mutate("delete", "product", id=pair.products[-1])["id"]
    report = pair.verify()
    assert found(report) == {
        ("products", product, "not_listed", True),
        ("features", feature, "missing", True),
        ("tests", lost, "missing", False),
        ("tests", marked, "marked_deleted", False),
        ("tests", final, "differs", False),
        ("tests", moving, "differs", True),
        ("tests", gone, "not_listed", True),
        ("tests", late, "missing", True),
    }
    assert (report.unexplained, report.uncompared) == (3, ())
    show(report)
    screen = capsys.readouterr().out
    assert f"UNEXPLAINED  tests {lost} missing in the mirror: was there before" in screen
    assert "5 differences explained, 3 unexplained" in screen
    assert pair.verify(second).findings == ()
    sampled = found(pair.verify(first, sample=100))
    assert ("tests", final, "differs", False) in sampled
    assert ("tests", lost, "missing", False) not in sampled, "a sample is of mirrored tests"


def test_nothing_is_written(pair: Pair) -> None:
    pair.sync()
    pair.database.checkpoint()
    before = pair.database.path.read_bytes()
    pair.simulator.mutate("delete", "test", id=pair.tests(pair.products[0])[0])
    pair.verify()
    assert pair.database.path.read_bytes() == before


def test_a_sample_takes_few_requests(pair: Pair) -> None:
    pair.sync()
    pair.simulator.forget_requests()
    assert pair.verify(sample=2).compared == 5 + 5 * 4 + 5 * 2
    assert len(pair.simulator.requests()) == 1 + 5 + 5 * 2


def test_what_was_never_fetched_is_no_surprise(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.sync(SyncPhase.PRODUCTS)
    report = pair.verify()
    assert (report.compared, report.unexplained, len(report.findings)) == (225, 0, 220)
    assert {finding.why for finding in report.findings} == {"not fetched yet"}
    show(report)
    assert "… and 30 more for the same reason" in capsys.readouterr().out


@pytest.mark.parametrize("plain", PlainFeatures)
@pytest.mark.parametrize("by_section", [0, 1])
def test_features_with_sections_are_no_difference(
    pair: Pair, make_simulator: Callable[..., Simulator], plain: PlainFeatures, by_section: int
) -> None:
    pair.simulator = make_simulator(
        products=1, tests=1, section_products=1, plain_features_for_sections=plain
    )
    pair.sync()
    if plain is not PlainFeatures.ALL:
        pair.write("UPDATE sync_cursors SET by_section = ? WHERE kind = 'features'", by_section)
    assert pair.verify().findings == ()


def test_what_is_seen_wrong_in_a_list_is_looked_at_again(pair: Pair) -> None:
    """A list that leaves rows out, or tells them differently, is not believed at once."""
    pair.sync()
    first = pair.products[0]
    final = pair.tests(first)[0]
    pair.write("UPDATE tests SET status = 'archived' WHERE product_id = ?", first)
    pair.simulator.add_fault(
        kind="null_end_dates", product_id=first, rows=1, path="*/exploratory_tests"
    )
    assert found(pair.verify(first)) == set(), f"{final} is told otherwise in the list alone"


def test_what_cannot_be_looked_at_again_stays_unexplained(pair: Pair) -> None:
    pair.sync()
    first = pair.products[0]
    lost = pair.tests(first)[0]
    pair.write("DELETE FROM tests WHERE id = ?", lost)
    pair.simulator.add_fault(kind="status", status=403, path=f"/exploratory_tests/{lost}")
    report = pair.verify(first)
    assert found(report) == {("tests", lost, "missing", False)}
    assert "looking again failed" in report.findings[0].why
    assert report.compared == 1 + 4 + 40


def test_a_hole_cannot_be_compared_on_record_or_not(
    pair: Pair, make_client: Callable[..., TestioClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "service.checkup.verify.make_client", lambda _settings, _token: make_client(pair.simulator)
    )
    pair.sync()
    first = pair.products[0]
    sick = pair.tests(first)[20]
    pair.simulator.add_fault(kind="poison", test_id=sick)
    report = pair.verify(first)
    (place,) = report.uncompared
    assert "position 21 " in place.why
    assert found(report) == {("tests", sick, "not_listed", True)}
    assert "problems list" not in place.why
    pair.sync()
    (place,) = pair.verify(first).uncompared
    assert "problems list" in place.why, "it is on record, and still cannot be compared"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ignored_paging"},
        {"kind": "ignored_paging", "rows": 40},
        {"kind": "clamp", "per_page": 7},
        {"kind": "loose_ties"},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_whole_lists_are_compared_whatever_the_pages(pair: Pair, fault: dict[str, Any]) -> None:
    """Not with the reader that the sync goes by, which would be checked with itself."""
    pair.sync()
    pair.simulator.add_fault(**fault)
    report = pair.verify(pair.products[0])
    assert (report.findings, report.uncompared) == ((), ())
    assert report.compared == 1 + 4 + 40


def test_rows_that_cannot_be_used_on_every_page_do_not_go_on_for_ever(pair: Pair) -> None:
    pair.sync()
    pair.simulator.add_fault(kind="ignored_paging")
    pair.simulator.add_fault(kind="wrong_types", path="*/exploratory_tests", rows=1)
    report = pair.verify(pair.products[0])
    assert [place.kind.value for place in report.uncompared] == ["tests"]


def test_what_cannot_be_compared_is_said(pair: Pair) -> None:
    pair.sync()
    sick = pair.products[1]
    pair.simulator.add_fault(kind="status", status=403, product_id=sick, path="*/features")
    pair.simulator.add_fault(kind="wrong_types", product_id=sick, path="*tests", rows=1)
    report = pair.verify(sick, 999_999)
    places = [(place.product_id, place.kind.value) for place in report.uncompared]
    assert places[:2] == [(999_999, "products"), (sick, "features")]
    assert set(places[2:]) == {(sick, "tests")}
    assert report.unexplained == 0


def test_a_scope_from_the_settings(pair: Pair) -> None:
    pair.sync()
    assert pair.verify(TESTIO_PRODUCT_IDS=str(pair.products[0])).compared == 1 + 4 + 40


def test_a_refused_token_and_an_unusable_remote_are_told_apart(pair: Pair) -> None:
    pair.sync(SyncPhase.PRODUCTS)
    fault = pair.simulator.add_fault(kind="status", status=404, path="/products")
    with pytest.raises(RemoteUnusable, match="the product list cannot be read"):
        pair.verify()
    pair.simulator.remove_fault(fault)
    pair.simulator.add_fault(kind="status", status=401, path="*/features")
    with pytest.raises(TokenNotAccepted, match="401"):
        pair.verify()
