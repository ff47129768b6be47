"""What a person decides about held deletions and unreadable records, and what is shown of them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from control.errors import NoSuchEntry
from control.protocol import Word
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncPhase
from rules.records import BadRow, HoleRecord, Page, PendingDeletion
from rules.run.events import EventName, SyncEvent
from service.daemon.operator import Operator
from storage.engine.database import Database
from storage.writes.decision_rows import DecisionRows
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from tests.fakes import START, a_test, product

BAD = BadRow(position=9, record_id=77, reason="id is text", excerpt="{}", fingerprint="f")
HOLE = HoleRecord(position=213, before_id=5011, after_id=5013)
LATER = START + timedelta(hours=1)


class Desk:
    """A mirror of one product with three tests, and somebody who decides."""

    def __init__(self, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
        self.database, self._capsys = database, capsys
        self.events: list[SyncEvent] = []
        self.operator = Operator(DecisionRows(database), self.events.append)
        self.store(product_id=0, kind=Kind.PRODUCTS, records=(product(18),))
        self.store(product_id=18, kind=Kind.TESTS, records=tuple(a_test(n, 18) for n in (1, 2, 3)))

    def store(self, *, at: Any = START, **page: Any) -> None:
        MirrorRows(self.database).store_page(Page(**page), run_id=1, at=at)

    def hold(self, *ids: int) -> None:
        held = PendingDeletion(ids=ids, of_rows=3, reason="the remote lists fewer")
        self.store(product_id=18, kind=Kind.TESTS, pending=held)

    def deleted(self) -> list[int]:
        with self.database.transaction() as connection:
            query = "SELECT id FROM tests WHERE deleted_at IS NOT NULL ORDER BY id"
            return [row[0] for row in connection.execute(query)]

    def shows(self, *words: str) -> str:
        assert main([*words, "--db", str(self.database.path)]) == 0
        return self._capsys.readouterr().out

    def json(self, *words: str) -> Any:
        return json.loads(self.shows(*words, "--json"))


@pytest.fixture
def desk(database: Database, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(database, capsys)


def test_held_sets_are_shown(desk: Desk) -> None:
    assert desk.shows("deletions", "list") == "no deletions are held\n"
    desk.hold(1, 2)
    assert "18 product 18" in desk.shows("deletions", "list")
    (held,) = desk.json("deletions", "list")
    assert (held["id"], held["product_id"], held["row_count"]) == (1, 18, 2)
    desk.store(product_id=18, kind=Kind.TESTS, records=(a_test(2, 18),), at=LATER)
    rows = desk.json("deletions", "show", "1")["rows"]
    assert [(row["id"], row["came_back"]) for row in rows] == [(1, False), (2, True)]
    assert "seen again" in desk.shows("deletions", "show", "1")


def test_accepting_marks_the_rows_that_did_not_come_back(desk: Desk) -> None:
    desk.hold(1, 2)
    desk.store(product_id=18, kind=Kind.TESTS, records=(a_test(2, 18),), at=LATER)
    reply = desk.operator.accept_deletions(1)
    assert (reply.word, reply.rows, desk.deleted()) == (Word.ACCEPTED, 1, [1])
    assert desk.operator.accept_deletions(1).word is Word.ALREADY_ACCEPTED
    (event,) = desk.events
    assert (event.event, event.product_id) == (EventName.DELETIONS_ACCEPTED, 18)
    assert event.detail == {"id": 1, "product": 18, "kind": "tests", "rows": 1}
    assert desk.json("deletions", "show", "1")["status"] == "accepted"


def test_what_is_no_longer_held_cannot_be_accepted(desk: Desk) -> None:
    desk.hold(1, 2)
    desk.hold(1, 3)
    with pytest.raises(NoSuchEntry, match="no longer held"):
        desk.operator.accept_deletions(1)
    with pytest.raises(NoSuchEntry, match="under the id 9"):
        desk.operator.accept_deletions(9)
    assert (desk.deleted(), desk.events) == ([], [])


def test_unreadable_records_are_shown_with_their_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.shows("problems", "list") == "no problems\n"
    ends = (HoleRecord(position=1, before_id=None, after_id=4), HoleRecord(position=8, before_id=7))
    desk.store(product_id=18, kind=Kind.TESTS, bad_rows=(BAD,), holes=(HOLE, *ends))
    screen = desk.shows("problems", "list")
    monkeypatch.setenv("COLUMNS", "80")
    narrow = desk.shows("problems", "list")
    assert max(map(len, narrow.splitlines())) <= 80
    places = ("position 9, id 77", "position 213, between 5011 and 5013")
    for place in (*places, "position 1, before 4", "position 8, behind 7"):
        assert place in screen
        assert place in narrow
    found = desk.json("problems", "list")
    assert [(row["id"], row["sort"]) for row in found["records"]][:2] == [
        (1, "bad_row"),
        (2, "hole"),
    ]


def test_what_fails_is_shown(desk: Desk) -> None:
    fail(desk)
    assert "timeout: too late" in desk.shows("problems", "list")
    (failing,) = desk.json("problems", "list")["failing"]
    assert (failing["product_id"], failing["kind"], failing["times"]) == (18, "features", 1)


def fail(desk: Desk) -> None:
    event = SyncEvent(
        at=START,
        event=EventName.PRODUCT_FAILED,
        phase=SyncPhase.FEATURES,
        product_id=18,
        outcome=Outcome.FAILED,
        problem=Problem(kind=ErrorKind.TIMEOUT, message="too late"),
    )
    SyncLog(desk.database).write([event])


def test_a_cleared_record_returns_when_it_is_met_again(desk: Desk) -> None:
    desk.store(product_id=18, kind=Kind.TESTS, holes=(HOLE,))
    assert desk.operator.clear_problem(1).word is Word.CLEARED
    assert desk.operator.clear_problem(1).word is Word.ALREADY_CLEARED
    assert [event.event for event in desk.events] == [EventName.PROBLEM_CLEARED]
    assert desk.json("problems", "list")["records"] == []
    desk.store(product_id=18, kind=Kind.TESTS, holes=(HOLE,), at=LATER)
    assert len(desk.json("problems", "list")["records"]) == 1


def test_what_healed_cannot_be_cleared(desk: Desk) -> None:
    desk.store(product_id=18, kind=Kind.TESTS, holes=(HOLE,))
    desk.store(product_id=18, kind=Kind.TESTS, closed_holes=(HOLE.fingerprint,), at=LATER)
    with pytest.raises(NoSuchEntry, match="resolved already: healed"):
        desk.operator.clear_problem(1)
    with pytest.raises(NoSuchEntry, match="id 9"):
        desk.operator.clear_problem(9)


def test_a_record_that_is_tried_again_is_due_at_once(desk: Desk) -> None:
    desk.store(product_id=18, kind=Kind.TESTS, holes=(HOLE,))
    for _ in range(9):
        desk.store(product_id=18, kind=Kind.TESTS, probed_holes=(HOLE.fingerprint,), at=LATER)
    (record,) = desk.json("problems", "list")["records"]
    assert (record["tries"], record["next_try"] > "2026") == (9, True)
    reply = desk.operator.retry_problems([1])
    assert (reply.word, reply.ids) == (Word.RETRYING, [1])
    assert (reply.phases, reply.product_ids) == ([SyncPhase.NEW_TESTS], [18])
    assert desk.json("problems", "list")["records"][0]["next_try"] is None
    with pytest.raises(NoSuchEntry, match="id 5"):
        desk.operator.retry_problems([1, 5])


LIST = {"product_id": 0, "kind": Kind.PRODUCTS}
BUGS = {"product_id": 3, "kind": Kind.BUGS}


@pytest.mark.parametrize(
    ("pages", "phases", "products"),
    [
        ([LIST], [SyncPhase.PRODUCTS], None),
        ([LIST, {"product_id": 18, "kind": Kind.TESTS}], ["products", "new_tests"], [18]),
        ([BUGS], [], None),
    ],
)
def test_everything_that_fails_is_tried_again(
    desk: Desk, pages: list[dict[str, Any]], phases: list[str], products: list[int] | None
) -> None:
    for page in pages:
        desk.store(**page, bad_rows=(BAD,))
    reply = desk.operator.retry_problems(None)
    assert (reply.phases, reply.product_ids) == (phases, products)


def test_what_fails_without_a_record_is_tried_again_too(desk: Desk) -> None:
    assert desk.operator.retry_problems(None).word is Word.NOTHING_TO_RETRY
    fail(desk)
    reply = desk.operator.retry_problems(None)
    assert (reply.ids, reply.phases, reply.product_ids) == ([], [SyncPhase.FEATURES], [18])


@pytest.mark.parametrize(
    "words", [("deletions", "accept", "1"), ("problems", "retry"), ("problems", "list")]
)
def test_where_nothing_is_mirrored_nothing_is_made(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "none.db"
    assert main([*words, "--db", str(path)]) == 6
    assert "there is no database" in capsys.readouterr().err
    assert not path.exists()
