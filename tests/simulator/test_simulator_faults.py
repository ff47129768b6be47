"""Every kind of fault, over real HTTP, and the description of faults."""

import dataclasses
import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import InvalidInputError, Simulator, SimulatorOptions
from simulator.faults import KINDS, Fault, parse_fault

TESTS = "*/exploratory_tests"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(SimulatorOptions(products=2, section_products=1, tests=60)) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.clear_faults()


def ask(sim: Simulator, path: str, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Token {sim.token}"}
    options = {"allow_redirects": False, "timeout": 5, **options}
    return requests.get(sim.base_url + path, headers=headers, **options)


def product_ids(sim: Simulator) -> list[int]:
    return [product["id"] for product in sim.account()["products"]]


def page(sim: Simulator, number: int = 1, per_page: int = 25) -> requests.Response:
    first = product_ids(sim)[0]
    return ask(sim, f"/products/{first}/exploratory_tests?page={number}&per_page={per_page}")


def listed(answer: requests.Response) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = answer.json()["exploratory_tests"]
    return tests


def truth(sim: Simulator) -> list[dict[str, Any]]:
    tests: list[dict[str, Any]] = sim.account()["tests"][str(product_ids(sim)[0])]
    return tests


def raw_answer(sim: Simulator, path: str) -> bytes:
    """All bytes until the simulator closes the connection."""
    host, port = sim.url.removeprefix("http://").split(":")
    ask_for = f"GET /customer/v2{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {sim.token}\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"{ask_for}Connection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def until_reset(connection: socket.socket) -> bytes:
    """All bytes before a reset; an orderly end is a failure."""
    received = b""
    try:
        while piece := connection.recv(65_536):
            received += piece
    except ConnectionResetError:
        return received
    pytest.fail("the connection was closed in order")


def test_status_with_a_wait_and_a_body(sim: Simulator) -> None:
    sim.add_fault(kind="status", status=429, retry_after="Fri, 13 Foo 2026", body="later")
    answer = ask(sim, "/products")
    assert (answer.status_code, answer.text) == (429, "later")
    assert answer.headers["Retry-After"] == "Fri, 13 Foo 2026"


def test_status_has_a_message_by_default(sim: Simulator) -> None:
    sim.add_fault(kind="status", status=503)
    answer = ask(sim, "/products")
    assert answer.status_code == 503
    assert answer.json()["error"]


@pytest.mark.parametrize(("status", "title"), [(403, "Attention Required!"), (524, "A timeout")])
def test_a_gatekeeper_answers_with_a_page_of_its_own(
    sim: Simulator, status: int, title: str
) -> None:
    sim.add_fault(kind="gatekeeper", status=status)
    answer = ask(sim, "/products")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert title in answer.text.partition("</title>")[0]


def test_bugs_need_not_say_whose_they_are(sim: Simulator) -> None:
    path = f"/bugs?filter_product_ids={product_ids(sim)[0]}"
    known = {bug["id"]: bug["test"]["id"] for bug in ask(sim, path).json()["bugs"]}
    one = next(iter(known.values()))
    fault = sim.add_fault(kind="anonymous_bugs", test_id=one)
    told = {bug["id"]: bug.get("test") for bug in ask(sim, path).json()["bugs"]}
    assert all((told[key] is None) is (owner == one) for key, owner in known.items())
    sim.remove_fault(fault)
    sim.add_fault(kind="anonymous_bugs")
    assert not any("test" in bug for bug in ask(sim, path).json()["bugs"])


def test_a_poisoned_test_spoils_the_bugs_of_all_that_are_asked_for_with_it(sim: Simulator) -> None:
    first, second = (row["id"] for row in truth(sim)[:2])
    sim.add_fault(kind="poison", test_id=first)
    codes = [
        ask(sim, f"/bugs?filter_test_cycle_ids={ids}").status_code
        for ids in (first, f"{first},{second}", second)
    ]
    assert codes == [500, 500, 200]


def test_rows_that_take_long_are_quicker_in_smaller_pages(sim: Simulator) -> None:
    sim.add_fault(kind="slow_rows", seconds=0.02, gives_up=0.3, path=TESTS)
    began = time.monotonic()
    assert page(sim, 1, 30).status_code == 524
    assert 0.3 <= time.monotonic() - began < 0.6
    began = time.monotonic()
    assert len(listed(page(sim, 1, 10))) == 10
    assert time.monotonic() - began >= 0.2
    began = time.monotonic()
    assert listed(page(sim, 9, 30)) == []
    assert time.monotonic() - began < 0.2, "no rows take no time"


@pytest.mark.parametrize("code", [102, 103, 199])
def test_an_interim_reply_comes_before_the_real_one(sim: Simulator, code: int) -> None:
    sim.add_fault(kind="interim", code=code)
    raw = raw_answer(sim, "/products")
    assert raw.startswith(f"HTTP/1.1 {code} ".encode())
    assert raw.partition(b"\r\n\r\n")[2].startswith(b"HTTP/1.1 200 OK\r\n")
    assert raw.endswith(b"]}")


def test_bodiless_status_keeps_the_connection_in_step(sim: Simulator) -> None:
    sim.add_fault(kind="status", status=204, times=1)
    with requests.Session() as session:
        session.headers["Authorization"] = f"Token {sim.token}"
        assert session.get(sim.base_url + "/products", timeout=5).status_code == 204
        assert session.get(sim.base_url + "/products", timeout=5).json()["products"]


def test_times_counts_down_one_fault_after_another(sim: Simulator) -> None:
    sim.add_fault(kind="status", status=500, times=2)
    sim.add_fault(kind="status", status=503, times=1)
    codes = [ask(sim, "/products").status_code for _ in range(4)]
    assert codes == [500, 500, 503, 200]


def test_path_product_and_page_narrow_a_fault(sim: Simulator) -> None:
    first, second = product_ids(sim)
    sim.add_fault(kind="status", status=500, path=TESTS, product_id=first, page=2)
    assert page(sim, 1).status_code == 200
    assert page(sim, 2).status_code == 500
    assert ask(sim, f"/products/{second}/exploratory_tests?page=2").status_code == 200
    assert ask(sim, f"/products/{first}/features?page=2").status_code == 200


def test_product_id_reaches_single_tests(sim: Simulator) -> None:
    first, second = product_ids(sim)
    sim.add_fault(kind="status", status=500, product_id=first)
    tests = sim.account()["tests"]
    paths = [f"/exploratory_tests/{tests[str(number)][0]['id']}" for number in (first, second)]
    assert [ask(sim, path).status_code for path in paths] == [500, 200]


def test_poison_spoils_each_window_that_holds_it(sim: Simulator) -> None:
    sim.add_fault(kind="poison", test_id=truth(sim)[7]["id"])
    assert page(sim, 1, 25).status_code == 500
    assert page(sim, 2, 25).status_code == 200
    assert page(sim, 2, 5).status_code == 500
    assert listed(page(sim, 1, 5)) == truth(sim)[:5]
    assert listed(page(sim, 3, 5)) == truth(sim)[10:15]
    assert page(sim, 8, 1).status_code == 500
    assert ask(sim, f"/exploratory_tests/{truth(sim)[7]['id']}").status_code == 500
    assert ask(sim, f"/exploratory_tests/{truth(sim)[8]['id']}").status_code == 200
    assert ask(sim, f"/products/{product_ids(sim)[0]}/exploratory_tests").status_code == 500


def test_two_poisons_and_healing_by_times(sim: Simulator) -> None:
    for position in (1, 3):
        sim.add_fault(kind="poison", test_id=truth(sim)[position]["id"], times=1)
    assert page(sim, 1, 1).status_code == 200
    assert page(sim, 4, 1).status_code == 500
    assert page(sim, 2, 1).status_code == 500
    assert listed(page(sim)) == truth(sim)[:25]


def test_reset_before_the_answer(sim: Simulator) -> None:
    sim.add_fault(kind="reset")
    with pytest.raises(ConnectionResetError):
        raw_answer(sim, "/products")
    assert sim.requests()[-1].status is None


def test_reset_in_the_middle_of_the_body(sim: Simulator) -> None:
    sim.add_fault(kind="reset", after_bytes=100)
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"GET /customer/v2/products HTTP/1.1\r\nAuthorization: Token {sim.token}\r\n\r\n"
        connection.sendall(head.encode())
        received = until_reset(connection)
    assert len(received.partition(b"\r\n\r\n")[2]) == 100


@pytest.mark.parametrize(("after_bytes", "sent"), [(None, None), (10, 10), (10**9, None)])
def test_truncate_sends_less_than_it_announces(
    sim: Simulator, after_bytes: int | None, sent: int | None
) -> None:
    sim.add_fault(kind="truncate", after_bytes=after_bytes)
    head, _, body = raw_answer(sim, "/products").partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split()[0])
    assert 0 < len(body) < length
    assert sent is None or len(body) == sent


def test_garbage_is_html_with_status_200(sim: Simulator) -> None:
    sim.add_fault(kind="garbage")
    answer = ask(sim, "/products")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_invalid_json(sim: Simulator) -> None:
    sim.add_fault(kind="invalid_json")
    answer = page(sim)
    assert answer.headers["Content-Type"].startswith("application/json")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_wrong_types_in_every_second_row(sim: Simulator) -> None:
    sim.add_fault(kind="wrong_types")
    tests, real = listed(page(sim, 1, 8)), truth(sim)[:8]
    assert tests[1::2] == real[1::2]
    assert [test["id"] for test in tests[::2]] == [str(real[0]["id"]), None, True, real[6]["id"]]
    assert isinstance(tests[6]["features"], dict)


def test_wrong_types_in_so_many_rows(sim: Simulator) -> None:
    sim.add_fault(kind="wrong_types", rows=1)
    tests, real = listed(page(sim, 1, 8)), truth(sim)[:8]
    assert tests[0]["id"] == str(real[0]["id"])
    assert tests[1:] == real[1:]


@pytest.mark.parametrize("shape", ["list", "renamed", "null", "object"])
def test_bad_envelope(sim: Simulator, shape: str) -> None:
    sim.add_fault(kind="bad_envelope", shape=shape)
    content, real = page(sim).json(), truth(sim)[:25]
    assert (
        content
        == {
            "list": real,
            "renamed": {"data": real},
            "null": {"exploratory_tests": None},
            "object": {"exploratory_tests": {"rows": real}},
        }[shape]
    )


def test_slow(sim: Simulator) -> None:
    sim.add_fault(kind="slow", seconds=0.05)
    answer = ask(sim, "/products")
    assert answer.elapsed.total_seconds() >= 0.05
    assert answer.json()["products"]


def test_drip_sends_single_bytes_from_the_head_on(sim: Simulator) -> None:
    sim.add_fault(kind="drip", seconds=0.002)
    host, port = sim.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        head = f"GET /customer/v2/products/1 HTTP/1.1\r\nAuthorization: Token {sim.token}\r\n\r\n"
        started = time.monotonic()
        connection.sendall(head.encode())
        received = b""
        while len(received) < 20:
            received += connection.recv(65_536)
        assert time.monotonic() - started >= 0.019 * 2
    assert received.startswith(b"HTTP/1.1 404")


def test_drip_arrives_whole_in_the_end(sim: Simulator) -> None:
    sim.add_fault(kind="drip", seconds=0)
    assert listed(page(sim, 1, 1)) == truth(sim)[:1]


def test_hang_never_answers(sim: Simulator) -> None:
    sim.add_fault(kind="hang", times=1)
    with pytest.raises(requests.Timeout):
        ask(sim, "/products", timeout=0.05)
    assert sim.requests()[-1].status is None
    assert ask(sim, "/products").status_code == 200


@pytest.mark.parametrize("status", [None, 307])
def test_redirect(sim: Simulator, status: int | None) -> None:
    sim.add_fault(kind="redirect", location="http://127.0.0.1:9/elsewhere", status=status)
    answer = ask(sim, "/products")
    assert answer.status_code == (status or 302)
    assert answer.headers["Location"] == "http://127.0.0.1:9/elsewhere"


def test_unsorted_is_one_stable_order_over_all_pages(sim: Simulator) -> None:
    sim.add_fault(kind="unsorted")
    tests = [test for number in (1, 2, 3) for test in listed(page(sim, number))]
    assert tests != truth(sim)
    assert sorted(test["id"] for test in tests) == sorted(test["id"] for test in truth(sim))
    assert listed(page(sim, 2)) == tests[25:50]


@pytest.mark.parametrize(("rows", "number"), [(None, 25), (3, 3)])
def test_null_end_dates(sim: Simulator, rows: int | None, number: int) -> None:
    sim.add_fault(kind="null_end_dates", rows=rows)
    tests = listed(page(sim))
    assert [test["end_at"] is None for test in tests] == [True] * number + [False] * (25 - number)
    assert [test["id"] for test in tests] == [test["id"] for test in truth(sim)[:25]]


def test_clamp_lowers_the_page_size(sim: Simulator) -> None:
    sim.add_fault(kind="clamp", per_page=10)
    assert listed(page(sim, 2, 25)) == truth(sim)[10:20]
    assert listed(page(sim, 2, 5)) == truth(sim)[5:10]


def test_omit_rows_makes_a_short_page_in_the_middle(sim: Simulator) -> None:
    sim.add_fault(kind="omit_rows", rows=4, page=1)
    assert listed(page(sim, 1)) == truth(sim)[4:25]
    assert listed(page(sim, 2)) == truth(sim)[25:50]


def test_omit_rows_is_not_spent_on_an_empty_page(sim: Simulator) -> None:
    sim.add_fault(kind="omit_rows", times=1)
    assert listed(page(sim, 9)) == []
    assert len(listed(page(sim, 1))) == 24


def test_nan(sim: Simulator) -> None:
    sim.add_fault(kind="nan", path=TESTS)
    answer = page(sim)
    assert answer.content.count(b'"duration":NaN') == 1
    tests = json.loads(answer.content)["exploratory_tests"]
    assert tests[1:] == truth(sim)[1:25]


def test_surrogate(sim: Simulator) -> None:
    sim.add_fault(kind="surrogate", rows=2)
    tests = listed(page(sim))
    assert all("\ud83d" in test["title"] for test in tests[:2])
    assert tests[2:] == truth(sim)[2:25]
    assert "\ud83d" in ask(sim, "/products").json()["products"][0]["name"]


def test_bom(sim: Simulator) -> None:
    sim.add_fault(kind="bom")
    answer = page(sim)
    assert answer.content.startswith(b"\xef\xbb\xbf{")
    assert json.loads(answer.content.decode("utf-8-sig"))["exploratory_tests"] == truth(sim)[:25]


def test_gzip_bomb_unpacks_to_the_answer_and_spaces(sim: Simulator) -> None:
    sim.add_fault(kind="gzip_bomb", bytes=5_000_123)
    answer = ask(sim, "/products", stream=True)
    packed = answer.raw.read(decode_content=False)
    assert answer.headers["Content-Encoding"] == "gzip"
    unpacked = gzip.decompress(packed)
    assert len(packed) < 20_000
    assert len(unpacked) == 5_000_123
    assert json.loads(unpacked) == {"products": sim.account()["products"]}


def test_huge(sim: Simulator) -> None:
    sim.add_fault(kind="huge", bytes=3_000_000)
    answer = ask(sim, "/products")
    assert len(answer.content) == 3_000_000
    assert answer.json()["products"] == sim.account()["products"]


def test_content_type(sim: Simulator) -> None:
    sim.add_fault(kind="content_type", content_type="application/xml")
    answer = ask(sim, "/products")
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.json()["products"]


def test_faults_of_different_kinds_join(sim: Simulator) -> None:
    sim.add_fault(kind="bom")
    sim.add_fault(kind="truncate", after_bytes=5)
    assert raw_answer(sim, "/products").endswith(b'\r\n\r\n\xef\xbb\xbf{"')


def test_removed_fault_is_gone(sim: Simulator) -> None:
    number = sim.add_fault(kind="status", status=500)
    sim.remove_fault(number)
    assert ask(sim, "/products").status_code == 200


def test_every_field_is_declared_once() -> None:
    declared = {name for allowed in KINDS.values() for name in allowed}
    common = {"id", "kind", "path", "product_id", "page", "times"}
    assert {field.name for field in dataclasses.fields(Fault)} == declared | common


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "fault"),
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": ["hang"]}, "kind"),
        ({"kind": "status"}, "status"),
        ({"kind": "status", "status": "500"}, "status"),
        ({"kind": "status", "status": 99}, "status"),
        ({"kind": "status", "status": 500, "retry_after": 3}, "retry_after"),
        ({"kind": "status", "status": 500, "retry_after": "1\r\nX: y"}, "retry_after"),
        ({"kind": "poison"}, "test_id"),
        ({"kind": "poison", "test_id": True}, "test_id"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
        ({"kind": "slow", "seconds": float("nan")}, "seconds"),
        ({"kind": "hang", "seconds": 1}, "seconds"),
        ({"kind": "hang", "times": 0}, "times"),
        ({"kind": "hang", "path": 3}, "path"),
        ({"kind": "huge", "bytes": 2**40}, "bytes"),
        ({"kind": "bad_envelope", "shape": "round"}, "shape"),
        ({"kind": "chunked", "defect": "round"}, "defect"),
        ({"kind": "charset", "charset": "ebony"}, "charset"),
        ({"kind": "hang_up", "half": 3}, "half"),
        ({"kind": "hang", "id": 3}, "id"),
    ],
)
def test_bad_faults_are_refused_by_field(given: object, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_fault(given)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")
