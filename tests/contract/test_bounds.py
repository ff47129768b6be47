"""Answers of few bytes that would cost much: refused before they do, or waited with."""

from __future__ import annotations

import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from rules.listing.windows import Window
from simulator import Simulator
from testio import bodies, payloads
from testio.bodies import MOST_VALUES
from testio.cancellation import Cancellation
from testio.client import LARGE, TestioClient
from testio.errors import BadPayload, Cancelled, TestioError, Timeout
from testio.limits import RequestScope, RetryBudget
from testio.payloads import MOST_EXCERPTS, MOST_PARTS, MOST_RECORDS
from testio.room import MOST_AT_ONCE, Room
from tests.contract.wire import at_once

MakeClient = Callable[..., TestioClient]
PATIENCE = 5.0


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(0))


def answer(simulator: Simulator, key: str, rows: str) -> int:
    """From now on lists of these are so; the number of bytes."""
    body = f'{{"{key}":[{rows}]}}'
    simulator.add_fault(kind="status", status=200, body=body, path=f"*/{key}")
    return len(body)


def peak_of(work: Callable[[], object]) -> int:
    """The most memory that Python holds at once for it, beside what it held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("value", ["[]", "0", "{}", '{"id":1}', "[[]]"])
def test_megabytes_of_tiny_values_are_refused_before_they_are_parsed(
    simulator: Simulator, make_client: MakeClient, value: str
) -> None:
    size = answer(simulator, "features", ",".join([value] * MOST_VALUES))
    client = make_client(simulator, timeout_seconds=60.0)

    def ask() -> None:
        with pytest.raises(BadPayload, match="more than 2000000 values"):
            client.list_features(1, scope())

    assert peak_of(ask) < 8 * size, "in the parser each of them takes 24 bytes and more"


def test_where_memory_is_short_the_parser_that_can_say_so_reads_the_answer(
    simulator: Simulator, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fast one would end the process where it gets none."""
    monkeypatch.setattr(bodies, "PARSER_BYTES", 2**40)  # more than any machine has
    monkeypatch.setattr(bodies, "orjson", None)
    answer(simulator, "features", ",".join(['{"id":1,"title":"a"}'] * 20_000))
    client = make_client(simulator)
    assert len(client.list_features(1, scope()).ids) == 20_000

    def none_left(*_given: object, **_named: object) -> object:
        raise MemoryError

    monkeypatch.setattr(bodies, "json", SimpleNamespace(loads=none_left))
    with pytest.raises(BadPayload, match="more memory than this process may have"):
        client.list_features(1, scope())


@pytest.mark.parametrize("kind", ["products", "features", "tests", "bugs"])
def test_a_list_of_more_records_than_any_account_has_is_refused(
    simulator: Simulator, make_client: MakeClient, kind: str
) -> None:
    client = make_client(simulator)
    ask: dict[str, tuple[str, Callable[[], Any]]] = {
        "products": ("products", lambda: client.list_products(scope())),
        "features": ("features", lambda: client.list_features(1, scope())),
        "tests": (
            "exploratory_tests",
            lambda: client.list_tests(1, Window(page=1, per_page=40), scope()),
        ),
        "bugs": ("bugs", lambda: client.list_bugs([1], scope())),
    }
    key, work = ask[kind]
    answer(simulator, key, ",".join(["0"] * (MOST_RECORDS + 1)))
    with pytest.raises(BadPayload, match=f"{MOST_RECORDS + 1} records"):
        work()
    simulator.clear_faults()
    answer(simulator, key, ",".join(["0"] * MOST_RECORDS))
    rows = work()
    rows = rows[1] if kind == "bugs" else rows
    assert (len(rows.ids), len(rows.bad_rows)) == (MOST_RECORDS, MOST_RECORDS)
    assert len([bad for bad in rows.bad_rows if bad.excerpt]) == MOST_EXCERPTS


@pytest.mark.parametrize(
    ("kind", "key"),
    [("features", "user_stories"), ("features", "section_ids"), ("products", "sections")],
)
def test_a_record_of_too_many_parts_costs_itself(
    simulator: Simulator, make_client: MakeClient, kind: str, key: str
) -> None:
    """4 MB of user stories in one feature took 83 seconds to be written."""
    client = make_client(simulator)
    parts = [{"id": number + 1} for number in range(MOST_PARTS + 1)]
    records = [{"id": 1, key: parts[1:]}, {"id": 2, key: parts}, {"id": 3, key: parts[:1]}]
    answer(simulator, kind, json.dumps(records)[1:-1])
    rows = client.list_products(scope()) if kind == "products" else client.list_features(1, scope())
    assert [record.id for record in rows.records] == [1, 3]
    [bad] = rows.bad_rows
    assert (bad.record_id, bad.reason) == (
        2,
        f"{key} holds 5001 entries; more than 5000 are not read",
    )


def test_what_is_said_of_an_answer_is_short(simulator: Simulator, make_client: MakeClient) -> None:
    client, long = make_client(simulator), "x" * 1_000_000
    said: list[str] = []
    bodies_of_one_key: tuple[dict[str, object], ...] = ({long: []}, {"products": {long: 1}})
    for body in bodies_of_one_key:
        simulator.add_fault(kind="status", status=200, body=json.dumps(body), times=1)
        with pytest.raises(BadPayload) as refused:
            client.list_products(scope())
        said.append(str(refused.value))
    simulator.add_fault(
        kind="status", status=200, body=json.dumps({"exploratory_test": {"id": long}})
    )
    with pytest.raises(BadPayload) as refused:
        client.get_test(1, 1, scope())
    said.append(str(refused.value))
    assert max(map(len, said)) < 1_000, [len(text) for text in said]


# -- room --------------------------------------------------------------------------------------


def first_that_holds(scopes: list[RequestScope]) -> RequestScope:
    """Waited for: it holds its room when all of its list is parsed."""
    give_up_at = time.monotonic() + PATIENCE
    while time.monotonic() < give_up_at:
        if found := [each for each in scopes if each.large]:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("nobody holds any room")


def test_large_lists_are_held_one_after_the_other(
    simulator: Simulator, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many workers ask at once: the next is parsed when one before it is written."""
    rows = ",".join(f'{{"id":{key},"title":"{"x" * 1000}"}}' for key in range(1, 3_000))
    size = answer(simulator, "features", rows)
    assert LARGE < size <= MOST_AT_ONCE < 3 * size
    client, parsed = make_client(simulator, timeout_seconds=60.0), threading.Semaphore(0)
    real = payloads.features

    def noted(body: bytes, product_id: int) -> object:
        parsed.release()
        return real(body, product_id)

    monkeypatch.setattr(payloads, "features", noted)
    scopes = [scope() for _ in range(4)]
    calls = at_once(*(lambda each=each: client.list_features(1, each) for each in scopes))
    for _ in range(2):
        assert parsed.acquire(timeout=PATIENCE)
    assert not parsed.acquire(timeout=0.3), "two of them fill the room"
    for _ in range(2):
        first = first_that_holds(scopes)
        first.large.let_go()
        assert parsed.acquire(timeout=PATIENCE)
        scopes.remove(first)
    for call in calls:
        call.join(PATIENCE)
        assert call.error is None
        assert call.result is not None
        assert len(call.result.records) == 2_999


def test_the_lists_of_one_product_never_wait_for_each_other(
    simulator: Simulator, make_client: MakeClient
) -> None:
    answer(simulator, "features", f'{{"id":1,"title":"{"x" * MOST_AT_ONCE}"}}')
    client, whole = make_client(simulator, timeout_seconds=PATIENCE), scope()
    part = whole.part()
    for section_id in (1, 2, 3):
        assert client.list_section_features(1, section_id, part).records
    assert part.large
    assert not whole.large
    whole.release(part)
    assert client.list_features(2, whole.part()).records, "there is room again"


def test_a_product_that_is_forgotten_leaves_its_room(
    simulator: Simulator, make_client: MakeClient
) -> None:
    """As after a crash of the actor that would have released it."""
    answer(simulator, "features", f'{{"id":1,"title":"{"x" * MOST_AT_ONCE}"}}')
    client = make_client(simulator, timeout_seconds=PATIENCE)
    for _ in range(3):
        assert client.list_features(1, scope().part()).records


@pytest.mark.parametrize("rows", ["0,0]", '"' + "x" * LARGE], ids=["not JSON", "cut"])
def test_a_list_that_cannot_be_read_takes_no_room(
    simulator: Simulator, make_client: MakeClient, rows: str
) -> None:
    answer(simulator, "features", rows + " " * MOST_AT_ONCE)
    client, own = make_client(simulator, timeout_seconds=PATIENCE), scope()
    for _ in range(3):
        with pytest.raises(BadPayload):
            client.list_features(1, own)
        assert not own.large


def test_room_goes_to_who_came_first_and_a_large_one_has_it_alone() -> None:
    room, order = Room(10), list[int]()
    room.take(8, Cancellation(), PATIENCE)

    def take(size: int) -> None:
        room.take(size, Cancellation(), PATIENCE)
        order.append(size)

    large = at_once(lambda: take(30))[0]
    while not room._waiting:
        pass
    small = at_once(lambda: take(1))[0]
    small._thread.join(0.2)
    assert order == [], "it would fit, but it came later"
    room.give_back(8)
    large.join(PATIENCE)
    assert order == [30]
    room.give_back(30)
    small.join(PATIENCE)
    assert order == [30, 1]


@pytest.mark.parametrize(("ends", "error"), [(True, Cancelled), (False, Timeout)])
def test_who_waits_for_room_gives_up(ends: bool, error: type[TestioError]) -> None:
    room, cancellation = Room(10), Cancellation()
    room.take(8, Cancellation(), PATIENCE)
    if ends:
        cancellation.cancel()
    with pytest.raises(error):
        room.take(3, cancellation, 0.1)
    room.take(2, Cancellation(), 0.1)
