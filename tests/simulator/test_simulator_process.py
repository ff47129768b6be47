"""Connections, start and stop: in a thread, and as a process of its own."""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from simulator import Simulator, SimulatorOptions
from simulator.faults import parse_fault
from simulator.server import Server

ROOT = Path(sys.modules["simulator"].__file__ or "").parent.parent
SMALL = SimulatorOptions(products=1, features=1, tests=3)


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulator", *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def connect(sim: Simulator) -> socket.socket:
    host, port = sim.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def get(path: str, *headers: str, token: str = "demo-token") -> bytes:
    lines = [f"GET /customer/v2{path} HTTP/1.1", f"Authorization: Token {token}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def open_files() -> int:
    gc.collect()
    return len(os.listdir("/dev/fd"))


def test_pipelined_answers_keep_their_order_behind_a_slow_one() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        sim.add_fault(kind="slow", seconds=0.05, path="/one")
        last = get("/three", "Connection: close")
        connection.sendall(get("/one") + get("/two", token="wrong") + get("/products") + last)
        statuses = [part[:3] for part in read_all(connection).split(b"HTTP/1.1 ")[1:]]
        assert statuses == [b"404", b"401", b"200", b"404"]


def test_more_pipelined_requests_than_are_read_ahead() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        sim.add_fault(kind="slow", seconds=0, path="/one")
        connection.sendall(get("/one") * 500 + get("/two", "Connection: close"))
        assert read_all(connection).count(b"HTTP/1.1 404") == 501


def test_connection_is_kept_alive() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        for _ in range(3):
            connection.sendall(get("/nothing"))
            assert connection.recv(65_536).startswith(b"HTTP/1.1 404")


def test_request_in_single_bytes() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in get("/products?filter[product_ids][]=1", "Connection: close"):
            connection.send(bytes([byte]))
        assert read_all(connection).endswith(b'{"products":[]}')


def test_head_has_a_length_and_no_body() -> None:
    with Simulator(SMALL) as sim, requests.Session() as session:
        session.headers["Authorization"] = f"Token {sim.token}"
        assert int(session.head(sim.base_url + "/products", timeout=5).headers["Content-Length"])
        assert session.get(sim.base_url + "/products", timeout=5).json()["products"]


def test_what_is_not_http_is_400_and_the_end() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        connection.sendall(b"hello there\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 400")


def test_too_large_a_request_is_413_and_the_end() -> None:
    with Simulator(SMALL) as sim, connect(sim) as connection:
        connection.sendall(b"POST /simulator/faults HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n")
        connection.sendall(b" " * (2**20 + 1))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")


def test_leaving_ends_thread_sockets_and_hanging_connections() -> None:
    with Simulator(SMALL):
        pass  # Whatever is opened once and for all is open from here on.
    threads, files = threading.active_count(), open_files()
    sim = Simulator(SMALL, faults=[{"kind": "hang"}])
    with sim:
        hanging = [connect(sim) for _ in range(5)]
        for connection in hanging:
            connection.sendall(get("/products"))
        while sim.state()["requests_served"] < 5:
            time.sleep(0.001)
        started = time.monotonic()
    assert time.monotonic() - started < 1
    for connection in hanging:
        assert connection.recv(1) == b""
        connection.close()
    assert threading.active_count() == threads
    assert open_files() == files
    with pytest.raises(requests.ConnectionError):
        requests.get(sim.url, timeout=5)


def test_client_that_leaves_ends_its_hanging_request() -> None:
    async def leave() -> None:
        server = Server(SMALL, [parse_fault({"kind": "hang"})])
        await server.start()
        host, port = server.url.removeprefix("http://").split(":")
        tasks = len(asyncio.all_tasks())
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(get("/products"))
        while len(asyncio.all_tasks()) == tasks:
            await asyncio.sleep(0)
        writer.close()
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0)
        await server.stop()

    asyncio.run(asyncio.wait_for(leave(), 5))


def test_one_simulator_among_many_threads() -> None:
    with Simulator(SMALL) as sim:
        product_id = sim.account()["products"][0]["id"]

        def work() -> None:
            for _ in range(20):
                sim.mutate("add", "test", product_id=product_id)

        threads = [threading.Thread(target=work) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert sim.state()["tests"] == 103


def test_ipv6_loopback() -> None:
    try:
        with Simulator(SimulatorOptions(host="::1", products=1, tests=0)) as sim:
            headers = {"Authorization": f"Token {sim.token}"}
            answer = requests.get(sim.base_url + "/products", headers=headers, timeout=5)
            assert answer.status_code == 200
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_taken_port_raises_and_leaves_no_thread() -> None:
    before = threading.active_count()
    with Simulator(SMALL) as sim:
        taken = SimulatorOptions(port=int(sim.url.rpartition(":")[2]), products=0)
        with pytest.raises(OSError, match="address"):
            Simulator(taken).__enter__()
        assert threading.active_count() == before + 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process_says_where_it_is_and_ends_with_0(number: signal.Signals) -> None:
    fault = '{"kind": "status", "status": 503, "times": 1}'
    process = start("--json", "--products", "2", "--token", "abc", "--fault", fault)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert (ready["pid"], ready["token"]) == (process.pid, "abc")
    headers = {"Authorization": "Token abc"}
    url = ready["base_url"] + "/products"
    assert requests.get(url, headers=headers, timeout=5).status_code == 503
    assert len(requests.get(url, headers=headers, timeout=5).json()["products"]) == 2
    state = requests.get(ready["control_url"] + "/state", timeout=5).json()
    assert state["requests_served"] == 2
    process.send_signal(number)
    rest, errors = process.communicate(timeout=5)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_ready_line_for_people() -> None:
    process = start("--products", "1")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    process.communicate(timeout=5)
    assert line.startswith("simulator ready at http://127.0.0.1:")
    assert line.endswith("/customer/v2 (token: demo-token)\n")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--products", "-1"], "products: "),
        (["--rate-limit", "0"], "rate_limit: "),
        (["--port", "99999"], "port: "),
        (["--fault", "{"], "--fault: "),
        (["--fault", '{"kind": "slow"}'], "seconds: "),
        (["--tests", "many"], "--tests"),
        (["--host", "0.0.0.0"], "--host"),
    ],
)
def test_bad_flags_end_with_2_and_are_named(flags: list[str], named: str) -> None:
    process = start(*flags)
    _, errors = process.communicate(timeout=5)
    assert process.returncode == 2
    assert named in errors
    assert "Traceback" not in errors


def test_closed_output_ends_with_1() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "simulator", "--products", "0"]
    process = subprocess.run(
        command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=5
    )
    os.close(writer)
    assert process.returncode == 1
    assert process.stderr.splitlines() == [
        "simulator: nobody reads where it listens: standard output is closed"
    ]


def test_taken_port_ends_with_1() -> None:
    with Simulator(SMALL) as sim:
        port = sim.url.rpartition(":")[2]
        process = start("--port", port)
        _, errors = process.communicate(timeout=5)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in errors
    assert "Traceback" not in errors
