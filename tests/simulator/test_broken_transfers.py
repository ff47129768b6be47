"""Faults of the transfer, of charsets and of ids, over real HTTP; and a server that is away."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest
import requests

from simulator import Simulator
from tests.simulator.test_simulator_faults import (
    ask,
    listed,
    page,
    product_ids,
    raw_answer,
    running,
    sim,
    truth,
)

__all__ = ["running", "sim"]


@pytest.fixture
def connection(sim: Simulator) -> Iterator[socket.socket]:
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as made:
        head = f"GET /customer/v2/products HTTP/1.1\r\nAuthorization: Token {sim.token}\r\n\r\n"
        made.sendall(head.encode())
        yield made


def some(connection: socket.socket, at_least: int) -> bytes:
    received = b""
    while len(received) < at_least and (piece := connection.recv(65_536)):
        received += piece
    return received


def test_a_head_without_an_end(sim: Simulator) -> None:
    sim.add_fault(kind="endless_head")
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /customer/v2/products HTTP/1.1\r\n\r\n")
        head = some(connection, 300_000)
    assert head.startswith(b"HTTP/1.1 ")
    assert b"\r\n\r\n" not in head
    assert sim.requests()[-1].status is None


def test_more_than_was_announced(sim: Simulator) -> None:
    sim.add_fault(kind="overlong", bytes=7)
    head, _, body = raw_answer(sim, "/products").partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert len(body) == length + 7


@pytest.mark.parametrize(
    ("defect", "is_right"),
    [("none", True), ("size", False), ("short", False)],
)
def test_chunks(sim: Simulator, defect: str, is_right: bool) -> None:
    sim.add_fault(kind="chunked", defect=defect)
    if is_right:
        assert listed(page(sim)) == truth(sim)[:25]
        return
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        page(sim)


@pytest.mark.parametrize(
    ("defect", "at_least", "goes_on"),
    [("negative", 500_000, b"    "), ("trailers", 500_000, b"X-And-So: on")],
)
def test_chunks_without_an_end(sim: Simulator, defect: str, at_least: int, goes_on: bytes) -> None:
    sim.add_fault(kind="chunked", defect=defect)
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"GET /customer/v2/products HTTP/1.1\r\nAuthorization: Token {sim.token}\r\n\r\n"
        connection.sendall(head.encode())
        assert goes_on in some(connection, at_least)[-1000:]


def test_the_last_chunk_never_comes(sim: Simulator) -> None:
    sim.add_fault(kind="chunked", defect="endless")
    with pytest.raises(requests.RequestException):
        ask(sim, "/products", timeout=0.1)


@pytest.mark.parametrize("half", [False, True])
def test_hanging_up_after_the_answer(sim: Simulator, half: bool) -> None:
    sim.add_fault(kind="hang_up", half=half)
    head = f"GET /customer/v2/products HTTP/1.1\r\nAuthorization: Token {sim.token}\r\n\r\n"
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert b"Connection: close" not in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["products"]
        if half:  # it still takes what is sent, and answers nothing
            connection.sendall(head.encode())
            assert connection.recv(1) == b""


@pytest.mark.parametrize("charset", ["utf-16", "latin-1"])
def test_charset(sim: Simulator, charset: str) -> None:
    sim.add_fault(kind="charset", charset=charset)
    answer = ask(sim, "/products")
    assert answer.headers["Content-Type"] == f"application/json; charset={charset}"
    assert len(json.loads(answer.content.decode(charset))["products"]) == 2


def test_a_bomb_in_a_bomb(sim: Simulator) -> None:
    sim.add_fault(kind="gzip_bomb", bytes=1_000_000, layers=2)
    answer = ask(sim, "/products", stream=True)
    assert answer.headers["Content-Encoding"] == "gzip, gzip"
    packed = answer.raw.read(decode_content=False)
    assert len(gzip.decompress(gzip.decompress(packed))) == 1_000_000


def test_odd_ids_in_every_second_row(sim: Simulator) -> None:
    sim.add_fault(kind="odd_ids")
    tests, real = listed(page(sim, 1, 12)), truth(sim)[:12]
    assert tests[1::2] == real[1::2]
    ids = [test.get("id") for test in tests[::2]]
    assert ids == [None, -real[2]["id"], 2**70, 0, real[8]["id"] + 0.5, 2**63]


def test_nested(sim: Simulator) -> None:
    sim.add_fault(kind="nested", depth=50)
    first, *others = listed(page(sim))
    assert json.dumps(first["nested"]) == "[" * 50 + "]" * 50
    assert others == truth(sim)[1:25]


def test_keys_that_stand_twice(sim: Simulator) -> None:
    sim.add_fault(kind="duplicate_keys", rows=2)
    answer = page(sim)
    assert answer.content.count(b'"title":"wrong"') == 2
    assert listed(answer)[0] == {"name": "wrong"} | truth(sim)[0], "the last one counts here"
    assert listed(answer)[2:] == truth(sim)[2:25]


def test_rows_that_stand_twice(sim: Simulator) -> None:
    sim.add_fault(kind="repeat_rows", rows=3)
    assert listed(page(sim)) == truth(sim)[:25] + truth(sim)[:3]


def test_a_test_of_another_product(sim: Simulator) -> None:
    mine, others = product_ids(sim)
    stray = sim.account()["tests"][str(others)][4]
    sim.add_fault(kind="stray", test_id=stray["id"], product_id=mine)
    tests = [test for number in (1, 2, 3) for test in listed(page(sim, number))]
    assert len(tests) == 61
    assert stray in tests
    assert [test for test in tests if test != stray] == truth(sim)


def test_a_list_of_another_product(sim: Simulator) -> None:
    mine, others = product_ids(sim)
    sim.add_fault(kind="another_list", other_id=others, product_id=mine)
    assert listed(page(sim)) == sim.account()["tests"][str(others)][:25]
    features = ask(sim, f"/products/{mine}/features?includes[]=user_stories").json()["features"]
    assert [row["id"] for row in features] == [
        row["id"] for row in sim.account()["features"][str(others)]
    ]


def test_a_feature_of_another_product(sim: Simulator) -> None:
    mine, others = product_ids(sim)
    stray = sim.account()["features"][str(others)][0]["id"]
    sim.add_fault(kind="stray_feature", feature_id=stray, product_id=mine)
    found = [row["id"] for row in ask(sim, f"/products/{mine}/features").json()["features"]]
    assert found == [*(row["id"] for row in sim.account()["features"][str(mine)]), stray]


def test_tests_that_do_not_say_whose_they_are(sim: Simulator) -> None:
    sim.add_fault(kind="no_product")
    assert all("product" not in row for row in listed(page(sim)))


@pytest.mark.parametrize("by", ["request", "per_page"])
def test_tests_that_end_at_the_same_time_change_places(sim: Simulator, by: str) -> None:
    end_at = truth(sim)[12]["end_at"]
    for row in truth(sim)[10:16]:
        sim.mutate("change", "test", id=row["id"], fields={"end_at": end_at})
    sim.add_fault(kind="loose_ties", by=by)
    rows = [listed(page(sim, 1, size)) for size in (20, 20, 21, 22, 23, 24)]
    orders = [[row["id"] for row in each[10:16]] for each in rows]
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(orders[0]))}
    assert len({tuple(order) for order in orders}) > 1
    assert (orders[0] == orders[1]) is (by == "per_page")
    assert [each[2:10] for each in rows] == [truth(sim)[2:10]] * 6, "others keep their places"


def test_tests_without_an_end_stand_first_or_last(sim: Simulator) -> None:
    endless = truth(sim)[7]["id"]
    sim.mutate("change", "test", id=endless, fields={"end_at": None})
    assert truth(sim)[0]["id"] == listed(page(sim))[0]["id"] == endless
    sim.add_fault(kind="nulls_last")
    rows = [row for number in (1, 2, 3, 4, 5, 6) for row in listed(page(sim, number, 10))]
    assert rows == [*truth(sim)[1:], truth(sim)[0]]


def test_a_list_that_ignores_paging(sim: Simulator) -> None:
    fault = sim.add_fault(kind="ignored_paging")
    assert listed(page(sim, 3, 10)) == truth(sim)
    sim.remove_fault(fault)
    sim.add_fault(kind="ignored_paging", rows=40)
    assert listed(page(sim, 3, 10)) == truth(sim)[:40]


def test_an_answer_that_is_sent_twice(sim: Simulator) -> None:
    once = raw_answer(sim, "/products")
    sim.add_fault(kind="sent_twice", times=1)
    twice = raw_answer(sim, "/products")
    assert twice.count(b'{"products":[') == 2
    assert len(twice) == 2 * len(once)


def test_a_server_that_is_away_comes_back_on_the_same_port(sim: Simulator) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {sim.token}"
        assert session.get(sim.base_url + "/products", timeout=5).ok
        with sim.away(), pytest.raises(requests.ConnectionError):
            session.get(sim.base_url + "/products", timeout=5)
        assert session.get(sim.base_url + "/products", timeout=5).ok


def test_connections_that_are_dropped(connection: socket.socket, sim: Simulator) -> None:
    assert connection.recv(1) == b"H"
    sim.drop_connections()
    assert b"".join(iter(lambda: connection.recv(65_536), b"")).startswith(b"TTP")
