"""A real daemon is watched over: health, metrics on the socket and on a port, notifications."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from cli.main import main
from cli.verbs import health, notify
from control.paths import socket_path
from control.protocol import StartRunBody
from rules.diagnosis.codes import Code
from tests.homes import Home
from tests.tools import needs_tool, only_on_ci
from tests.webhooks import PATH, Answers
from tests.webhooks import web as web

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def port_of(home: Home, log: Path) -> int:
    """Where the daemon says that metrics are."""
    found: list[str] = []

    def served() -> bool:
        found[:] = re.findall(r'"event": "metrics_served".*"port": (\d+)', log.read_text())
        return bool(found)

    home.wait_for(served, "the port for metrics")
    return int(found[0])


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, str, str]:
    """Status, type and body of what the port answers."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()


def values_of(page: str) -> dict[tuple[str, str], float]:
    """Each sample by its name and its labels' values, in the order of the labels' names."""
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parser.text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_the_metrics_of_a_daemon(home: Home) -> None:
    log = home.folder / "daemon.log"
    home.settings |= {"TESTIO_METRICS_ADDRESS": "127.0.0.1:0", "LOG_FILE": str(log)}
    home.daemon()
    assert home.wait_for_run(1) == "success"
    port = port_of(home, log)
    home.wait_for(
        lambda: values_of(get(port)[2])["testio_sync_runs_total", "success startup"] == 1,
        "the count of the run, which comes after its end is on disk",
    )
    status, content_type, page = get(port)
    values = values_of(page)
    products = len(home.simulator.account()["products"])
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert values["testio_sync_requests_total", "ok"] == len(home.simulator.requests())
    assert values["testio_sync_request_duration_seconds_count", "ok"] == len(
        home.simulator.requests()
    )
    assert values["testio_sync_rows", "products"] == products
    assert values["testio_sync_products", "tests complete"] == products
    assert values["testio_sync_healthy", ""] == 1
    ages = [key for key in values if key[0] == "testio_sync_complete_timestamp_seconds"]
    assert len(ages) == 1 + 2 * products
    _every_metric_of_the_alerts_exists(values)
    assert home.simulator.token not in page

    _, content_type, page = get(port, Accept=OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    families = openmetrics_parser.text_string_to_metric_families(page)  # type: ignore[no-untyped-call]
    assert list(families)
    assert [get(port, Host=host)[0] for host in ("evil.example", f"localhost:{port}")] == [403, 200]
    assert get(port, "/v1/status")[0] == 404

    home.control.start_run(StartRunBody())
    home.wait_for(
        lambda: values_of(get(port)[2])["testio_sync_runs_total", "success api"] == 1,
        "the count of a second run",
    )
    values = values_of(get(port)[2])
    assert values["testio_sync_phase_duration_seconds_count", "features"] == 2


@only_on_ci
def test_prometheus_finds_nothing_wrong_with_the_page(home: Home) -> None:
    log = home.folder / "daemon.log"
    home.settings |= {"TESTIO_METRICS_ADDRESS": "127.0.0.1:0", "LOG_FILE": str(log)}
    home.daemon()
    assert home.wait_for_run(1) == "success"
    lint = subprocess.run(
        [needs_tool("promtool"), "check", "metrics"],
        input=get(port_of(home, log))[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


def _every_metric_of_the_alerts_exists(values: dict[tuple[str, str], float]) -> None:
    rules = (ALERTS / "testio-sync.rules.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"testio_sync_\w+", rules)) - {"testio_sync_notifications_total"}
    assert len(named) > 15
    assert named - {name for name, _ in values} == set()


@only_on_ci
def test_the_alerts_hold_their_tests() -> None:
    promtool = needs_tool("promtool")
    rules = ["check", "rules", "--lint=all", "--lint-fatal", "testio-sync.rules.yml"]
    for words in (rules, ["test", "rules", "tests.yml"]):
        ended = subprocess.run(
            [promtool, *words], cwd=ALERTS, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_port_in_use_costs_the_page_and_nothing_else(home: Home) -> None:
    log = home.folder / "log"
    home.settings["LOG_FILE"] = str(log)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        home.settings["TESTIO_METRICS_ADDRESS"] = f"127.0.0.1:{taken.getsockname()[1]}"
        daemon = home.daemon()
        assert home.wait_for_run(1) == "success"
    (said,) = [line for line in log.read_text().splitlines() if "metrics_not_served" in line]
    assert "in use" in said
    daemon.kill()
    daemon.communicate()


def test_a_killed_run_is_told_at_the_next_start(home: Home) -> None:
    make_hook(home)
    home.hang("*/features")
    daemon = home.daemon()
    home.wait_for_hang()
    daemon.kill()
    daemon.communicate()
    home.simulator.clear_faults()
    home.daemon()
    home.wait_for(lambda: len(notices(home)) == 2, "both notifications")
    assert [each["event"] for each in notices(home)] == ["run_interrupted", "recovered"]
    assert "run 1" in str(notices(home)[0]["text"])
    home.run("stop")


def test_health_by_a_daemon_and_without_one(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    assert home.control.health().reasons == []
    home.control.pause()
    paused = home.json("health", "--json")
    assert (paused["healthy"], paused["warnings"][0]["check"]) == (True, "paused")
    with closing(sqlite3.connect(home.database)) as connection, connection:
        connection.execute(
            "UPDATE sync_cursors SET current_as_of = '2026-01-01T00:00:00Z' WHERE kind = 'tests'"
        )
    assert [reason.check for reason in home.control.health().reasons] == [Code.STALE]
    said = home.run("health", expect=1).stdout
    assert said.startswith("not healthy\n")
    assert "5 lists of 5 products not refreshed for" in said
    home.control.drain()
    home.finish(daemon)
    gone = home.json("health", "--json", expect=7)
    assert [reason["check"] for reason in gone["reasons"]] == ["no_daemon", "stale"]


def test_a_daemon_that_does_not_answer_is_not_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.1)
    database = tmp_path / "testio.db"
    path = socket_path(database)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        assert main(["health", "--db", str(database)]) == 1
    assert "does not answer" in capsys.readouterr().out


HOOK = """#!/bin/sh
cat >> notices.jsonl
echo >> notices.jsonl
printf '%s %s\\n' "$TESTIO_NOTIFY_EVENT" "$TESTIO_NOTIFY_RUN_ID" >> notices.txt
"""


def make_hook(home: Home) -> None:
    hook = home.folder / "hook.sh"
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)
    home.settings["TESTIO_NOTIFY_COMMAND"] = "./hook.sh"


def notices(home: Home) -> list[dict[str, object]]:
    file = home.folder / "notices.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_partial_once_and_recovered_once_over_a_restart(home: Home, web: Answers) -> None:
    make_hook(home)
    home.settings["TESTIO_NOTIFY_WEBHOOK_URL"] = web.url
    product = home.simulator.account()["products"][0]["id"]
    assert "webhook: arrived" in home.run("notify", "--test").stdout
    home.simulator.add_fault(kind="status", status=404, path=f"/products/{product}/features")
    daemon = home.daemon("--interval", "1")
    assert [home.wait_for_run(n) for n in (1, 2)] == ["partial", "partial"]
    home.wait_for(lambda: len(notices(home)) == 2 and len(web.requests) == 2, "the trouble told")
    home.control.drain()
    log = home.finish(daemon).stderr
    assert PATH not in log
    daemon = home.daemon("--interval", "1")
    last = home.sql("SELECT max(id) FROM sync_runs")[0][0]
    assert home.wait_for_run(last + 1) == "partial"
    home.simulator.clear_faults()
    home.wait_for(lambda: len(notices(home)) == 3 and len(web.requests) == 3, "the recovery")
    for told in (notices(home), [json.loads(body) for _, _, body in web.requests]):
        assert [each["event"] for each in told] == ["test", "run_partial", "recovered"]
        assert (told[1]["run_id"], told[1]["products"]) == (1, [product])
        assert told[1]["database"] == str(home.database)
        assert told[2]["since"] == told[1]["since"]
    words = home.folder / "notices.txt"
    home.wait_for(lambda: len(words.read_text().splitlines()) == 3, "the end of the last hook")
    assert words.read_text().split("\n")[1] == "run_partial 1"


GIVES_UP = """
import sys
from actors.scheduler import Scheduler
def fail(self): raise RuntimeError("once too often")
Scheduler._beat = fail
from cli.main import main
sys.exit(main(["run"]))
"""


def test_a_daemon_that_gives_up_says_so_before_it_ends(home: Home) -> None:
    make_hook(home)
    process = subprocess.Popen(
        [sys.executable, "-c", GIVES_UP],
        env=home.environment,
        cwd=home.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    home.started.append(process)
    ended = home.finish(process, expect=None)
    assert ended.returncode == 8, ended.stderr
    (told,) = [each for each in notices(home) if each["event"] == "gave_up"]
    assert "scheduler crashed" in str(told["text"])


def test_a_test_that_does_not_arrive_and_one_that_nobody_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notify, "start_logging", lambda *_arguments, **_more: None)
    assert main(["notify", "--test"]) == 2
    assert "set TESTIO_NOTIFY_COMMAND" in capsys.readouterr().err
    monkeypatch.setenv("TESTIO_NOTIFY_COMMAND", "/no/such")
    assert main(["notify", "--test"]) == 2
    assert "(from the environment)" in capsys.readouterr().err
    monkeypatch.setenv("TESTIO_NOTIFY_COMMAND", "false")
    assert main(["notify", "--test"]) == 1
    assert "did not arrive: false ended with status 1" in capsys.readouterr().out
