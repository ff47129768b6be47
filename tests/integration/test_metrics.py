"""Metrics over real actors: what a crash leaves of them, what hangs, and who may read them."""

from __future__ import annotations

import http.client
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import parser

from config.problems import SettingsError
from config.settings import Settings
from control.views import DaemonView
from rules.model import BreakerState
from rules.run.remote_state import RemoteState
from service.monitoring import metrics_server
from service.monitoring.lookout import Lookout
from service.monitoring.metrics import Exporter
from service.monitoring.metrics_server import MetricsServer
from storage.engine.database import Database
from tests.conftest import Bench, wait_until

REMOTE = RemoteState(
    results={"ok": 7, "timeout": 2},
    retries=1,
    in_flight=3,
    connections=10,
    requests_per_second=0,
    parked_seconds=12.5,
    breaker=BreakerState.OPEN,
    open_seconds=4.0,
    last_failure="late",
)


@pytest.fixture
def exporter(bench: Bench, database: Database) -> Exporter:
    bench.interval = 900.0
    system = bench.system
    lookout = Lookout(
        settings=lambda: Settings(TESTIO_DB_PATH=database.path),  # type: ignore[call-arg]
        system=system,
        daemon=DaemonView(pid=1, started_at=datetime.now(UTC), version="1", socket="s"),
        remote=lambda: REMOTE,
    )
    made = Exporter(lookout=lookout)
    counters = made.instruments
    system.watch(on_entry=[counters.on_entry], ended=[counters.ended])
    return made


def values_of(exporter: Exporter) -> dict[tuple[str, ...], float]:
    """Each sample by its name and the values of its labels, in the order of the labels' names."""
    page = exporter.page("")[0].decode()
    families: Any = parser.text_string_to_metric_families(page)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_what_the_client_and_the_actors_tell(exporter: Exporter, bench: Bench) -> None:
    values = values_of(exporter)
    assert values["testio_sync_requests_total", "timeout"] == 2
    assert values["testio_sync_requests_total", "unauthorized"] == 0, "known before it happens"
    assert values["testio_sync_retries_total",] == 1
    assert values["testio_sync_breaker_open",] == 1
    assert values["testio_sync_parked_seconds",] == 12.5
    assert values["testio_sync_mailbox_messages", "coordinator"] == 0
    assert values["testio_sync_paused",] == 0
    next_run = values["testio_sync_next_run_timestamp_seconds",]
    assert next_run == pytest.approx(bench.clock.now().timestamp() + 900, abs=2)


@pytest.mark.parametrize("role", ["coordinator", "logger", "mirror", "scheduler"])
def test_an_actor_that_is_replaced_loses_no_count_and_counts_nothing_twice(
    exporter: Exporter, bench: Bench, role: str
) -> None:
    bench.run()
    address = next(each for each in bench.system.wiring.everyone if each.role == role)
    old = address.ref
    assert old is not None
    old.stop(block=True)
    wait_until(
        lambda: address.ref is not None and address.ref is not old and address.ref.is_alive(),
        what="a replacement",
    )
    bench.run()
    wait_until(
        lambda: values_of(exporter)["testio_sync_runs_total", "success", "api"] == 2,
        what="both runs",
    )
    values = values_of(exporter)
    assert values["testio_sync_run_duration_seconds_count", "success"] == 2
    assert values["testio_sync_phase_duration_seconds_count", "features"] == 2
    assert values["testio_sync_actor_restarts_total", role] == 1
    assert values["testio_sync_events_written_total",] == len(bench.events.entries)


def test_a_page_comes_soon_while_an_actor_hangs_and_the_database_is_locked(
    exporter: Exporter, bench: Bench, database: Database
) -> None:
    let_go, reached = threading.Event(), threading.Event()

    def hang(_entries: object) -> None:
        reached.set()
        let_go.wait(10)

    bench.events.before_write = hang
    bench.system.pause(None)
    assert reached.wait(5)
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.close()
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        values = values_of(exporter)
        assert time.monotonic() - began < 3
    let_go.set()
    assert values["testio_sync_database_readable",] == 0
    assert values["testio_sync_healthy",] == 0
    assert values["testio_sync_actor_silent_seconds", "logger"] > 0
    assert ("testio_sync_rows", "tests") not in values


@pytest.mark.parametrize(
    "accept", ["", "x;;=", "application/openmetrics-text; version=x;escaping=y"]
)
def test_whatever_is_accepted_there_is_a_page(exporter: Exporter, accept: str) -> None:
    body, content_type = exporter.page(accept)
    assert b"testio_sync_healthy 1" in body
    assert content_type


def test_scrapes_at_once_share_what_was_gathered(exporter: Exporter) -> None:
    values_of(exporter)
    seen: list[object] = []
    threads = [threading.Thread(target=lambda: seen.append(exporter.moment())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, seen))) == 1


@pytest.fixture(params=["127.0.0.1:0", "[::1]:0"])
def server(request: pytest.FixtureRequest) -> Iterator[MetricsServer]:
    made = MetricsServer(request.param, lambda accept: (f"page for {accept}".encode(), "text/x"))
    try:
        made.start()
    except SettingsError as error:  # a machine without IPv6
        pytest.skip(str(error))
    yield made
    made.stop()


def ask(server: MetricsServer, method: str, path: str, host: str | None = None) -> tuple[int, str]:
    headers = {"Accept": "this"} | ({} if host is None else {"Host": host})
    connection = http.client.HTTPConnection(server.host, server.port, timeout=5)
    with closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_only_metrics_are_there_and_only_for_who_names_this_machine(server: MetricsServer) -> None:
    assert ask(server, "GET", "/metrics") == (200, "page for this")
    assert ask(server, "GET", "/metrics?x=1") == (200, "page for this")
    assert ask(server, "HEAD", "/metrics") == (200, "")
    assert ask(server, "POST", "/metrics")[0] == 405
    for path in ("/", "/v1/status", "/v1/health", "/metrics/"):
        assert ask(server, "GET", path)[0] == 404
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:80", "[::1]", "[::1]:80"):
        assert ask(server, "GET", "/metrics", host)[0] == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example:80", "[::2]", "8.8.8.8", "a:b:c", ""):
        assert ask(server, "GET", "/metrics", host)[0] == 403, host


def test_who_drips_or_does_not_read_is_cut_and_who_asks_again_is_not(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_server, "MOST_SECONDS", 1.5)
    keeps = http.client.HTTPConnection(server.host, server.port, timeout=5)
    with closing(keeps), socket.create_connection((server.host, server.port)) as drips:
        drips.settimeout(0.1)
        give_up_at, is_cut = time.monotonic() + 10, False
        first = None
        while not is_cut and time.monotonic() < give_up_at:
            keeps.request("GET", "/metrics")
            assert keeps.getresponse().read() == b"page for "
            first = first or keeps.sock
            assert keeps.sock is first, "its connection lasts"
            try:
                drips.sendall(b"G")
                is_cut = drips.recv(10) == b""
            except TimeoutError:
                continue
            except OSError:
                is_cut = True
    assert is_cut, "it held its place"


def test_a_port_that_is_taken_is_had_once_it_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        server = MetricsServer(address, lambda _accept: (b"ok", "text/plain"))
        assert not server.start()
        assert not server.is_serving
    assert server.start()
    try:
        assert ask(server, "GET", "/metrics")[0] == 200
    finally:
        server.stop()
