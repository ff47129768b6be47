"""The screen of `watch`: the right lines for a size, whatever the size and the state."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cli.live.look import Look
from cli.live.watch_screen import draw
from cli.live.watch_state import Snapshot, StoredState
from control.views import DaemonView, StatusReply, WorkerView
from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.model import BreakerState, SyncPhase, Trigger
from rules.run.progress import PhaseProgress, RunProgress
from rules.run.remote_state import RemoteState

NOW = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
REMOTE = RemoteState(
    results={"ok": 120},
    retries=3,
    in_flight=2,
    connections=10,
    requests_per_second=20,
    parked_seconds=0.0,
    breaker=BreakerState.CLOSED,
    open_seconds=0.0,
    last_failure="",
)


def phase(name: SyncPhase, total: int | None, done: int, failed: int = 0) -> PhaseProgress:
    return PhaseProgress(
        phase=name, total=total, complete=done, failed=failed, finished=total == done + failed
    )


RUN = RunProgress(
    run_id=7,
    trigger_source=Trigger.SCHEDULE,
    started_at=NOW - timedelta(seconds=34),
    elapsed_seconds=34.0,
    cancelling=False,
    phases=(
        phase(SyncPhase.PRODUCTS, 1, 1),
        phase(SyncPhase.FEATURES, 40, 18, 2),
        phase(SyncPhase.NEW_TESTS, None, 0),
    ),
)


def worker(number: int) -> WorkerView:
    return WorkerView(
        role=f"worker-{number}",
        run_id=7,
        phase=SyncPhase.FEATURES,
        product_id=1000 + number,
        pages=3,
        rows=90,
        seconds=12.34,
        quiet_seconds=0.1,
    )


LIVE = StatusReply(
    daemon=DaemonView(pid=4711, started_at=NOW - timedelta(hours=2), version="1.2.3", socket="s"),
    current_run=RUN,
    queued_run_id=8,
    interval_seconds=900,
    paused=False,
    next_run_at=NOW + timedelta(minutes=5),
    workers=[worker(number) for number in range(1, 11)],
    mailboxes={"mirror": 3, "logger": 0},
    remote=REMOTE,
)


def past_run(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "status": "success",
        "trigger_source": "schedule",
        "started_at": "2026-01-31T08:00:00.000000Z",
        "completed_at": "2026-01-31T08:00:12.500000Z",
        "duration_seconds": 12.5,
        "products_synced": 40,
        "products_failed": 0,
        "tests_discovered": 5,
        "tests_updated": 6,
    }


FAILURE = found(
    Code.SERVER_ERROR,
    "features of product 1001",
    "features of product 1001 not complete",
    why="the remote\nfailed (500)",
    since=NOW - timedelta(minutes=3),
)
STORED = StoredState(
    runs=[past_run(number) for number in (7, 6, 5, 4)],
    names={1001: "漢字 \x1b[31mPlayer", 1002: "Harbour " * 20},
    usual={"features": 30.0, "new_tests": 60.0},
    begun={"features": NOW - timedelta(seconds=20)},
)
AT_WORK = Snapshot(
    at=NOW,
    database="/tmp/testio.db",
    live=LIVE,
    run=RUN,
    stored=STORED,
    wrong=(FAILURE,) * 4,
    requests_per_second=12.34,
    rows_per_second=345.6,
)
IDLE = replace(AT_WORK, live=LIVE.model_copy(update={"current_run": None, "workers": []}), run=None)
AWAY = replace(IDLE, live=None, wrong=(found(Code.DATABASE_LOCKED, "x", "it is locked"),))


def screen(snapshot: Snapshot, width: int = 80, height: int = 24, **more: Any) -> str:
    lines = draw(snapshot, Look(width=width, height=height), **more)
    return "\n".join(line.plain.rstrip() for line in lines)


def test_everything_fits_on_80_by_24() -> None:
    shown = screen(AT_WORK)
    for part in (
        "testio-sync  1.2.3, pid 4711, up 2 h",
        "08:15:00 UTC",
        "run 7 by schedule, 34 s, about 1 min 20 s left, run 8 waits",
        "1/1  done",
        "20/40  about 18 s left  2 not complete",
        "-  usually 1 min\n",
        "12.3 requests/s, 346 rows/s, 2 of 10 in flight, limit 20/s, 3 retries",
        "worker-1   1001 漢字 \\x1b[31mPlayer",
        "1002 Harbour Harbour",
        "12.3",
        "features of product 1001 not complete for 3 min: the remote\\nfailed (500)\n",
        "  → the next run tries again; now: testio-sync problems retry\n",
        "and 3 more: testio-sync status\n",
        "s sync now   p pause   c cancel   q quit   ? help",
    ):
        assert part in shown, f"{part!r} is not on the screen:\n{shown}"


def test_the_next_run_is_named_where_there_is_room() -> None:
    assert "next run in 5 min" in screen(AT_WORK, 100)
    assert "no run at work" in screen(IDLE)
    assert "next run in 5 min" in screen(IDLE)


def test_a_larger_one_shows_more_rows() -> None:
    large = screen(AT_WORK, 120, 40)
    assert large.count("worker-") == 10
    assert large.count("the remote\\nfailed (500)") == 4
    assert large.count("success") == 3


def test_workers_come_before_runs_that_have_ended() -> None:
    shown = screen(AT_WORK, 80, 24)
    assert shown.count("worker-") == 10
    assert "success" not in shown
    small = screen(AT_WORK, 80, 22)
    assert small.count("worker-") == 7
    assert "worker-7 " in small
    assert "\nand 3 more\n\nneeds attention" in small, small
    assert "  6  success  schedule  2026-01-31 08:00     12.5  40 of 40    5        6" in (
        screen(IDLE)
    )


def test_a_small_one_keeps_what_counts() -> None:
    small = screen(AT_WORK, 60, 15)
    for part in ("run 7 by schedule", "20/40", "worker-1", "s sync now", "12.3 requests/s"):
        assert part in small, small


@given(
    snapshot=st.sampled_from([AT_WORK, IDLE, AWAY]),
    width=st.integers(1, 200),
    height=st.integers(1, 70),
    shows_help=st.booleans(),
    message=st.sampled_from(["", "cancel run 7? y/n"]),
)
@settings(max_examples=60, deadline=None)
def test_no_size_breaks_it(
    snapshot: Snapshot, width: int, height: int, shows_help: bool, message: str
) -> None:
    lines = draw(snapshot, Look(width=width, height=height), show_help=shows_help, message=message)
    assert len(lines) == height
    assert max(cell_len(line.plain) for line in lines) <= width
    assert all(line.plain.isprintable() for line in lines)
    if message and width > len(message):
        assert message in lines[-1].plain


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"paused": True}, "paused\n"),
        ({"paused": True}, "p resume"),
        ({"paused": True, "paused_until": NOW + timedelta(minutes=1)}, "paused until 08:16:00"),
        ({"next_run_at": None}, "no periodic runs"),
        (
            {"remote": replace(REMOTE, parked_seconds=12.0)},
            "remote     asked us to wait 12 s more, 12.3 requests/s",
        ),
        (
            {
                "remote": replace(
                    REMOTE,
                    breaker=BreakerState.OPEN,
                    open_seconds=3.0,
                    last_failure="timeout",
                )
            },
            "remote     requests held back for 3 s, all of it fails: timeout, 12.3 requests/s",
        ),
    ],
)
def test_what_the_daemon_is_up_to(changes: dict[str, Any], expected: str) -> None:
    snapshot = replace(AT_WORK, live=LIVE.model_copy(update=changes))
    assert expected in screen(snapshot, 100)


def test_without_a_daemon_the_database_still_tells() -> None:
    shown = screen(AWAY)
    assert shown.startswith("testio-sync  no daemon answers")
    assert "it is locked" in shown
    assert "success" in shown


def test_a_worker_says_how_often_and_why_it_tries_again() -> None:
    busy = worker(1).model_copy(update={"retries": 3, "last_failure": "the remote failed (500)"})
    live = LIVE.model_copy(update={"workers": [busy]})
    assert "3 x: the remote failed (500)" in screen(replace(AT_WORK, live=live), 110)


def test_a_run_that_was_killed_is_not_shown_as_running() -> None:
    killed = replace(AWAY, stored=replace(STORED, runs=[past_run(9) | {"status": "running"}]))
    assert "killed" in screen(killed)


def test_a_cancelled_run_foretells_nothing() -> None:
    cancelling = replace(RUN, cancelling=True)
    assert "run 7 by schedule, 34 s, run 8 waits  cancelling" in screen(
        replace(AT_WORK, run=cancelling)
    )


def test_the_help_takes_the_place_of_the_tables() -> None:
    shown = screen(AT_WORK, show_help=True)
    assert "cancel the run at work" in shown
    assert "worker-1" not in shown


def test_ascii_where_the_terminal_has_no_more() -> None:
    lines = draw(AT_WORK, Look(width=80, height=24, ascii_only=True))
    names = {"漢", "字"}
    assert all(c.isascii() or c in names for line in lines for c in line.plain)
    assert any("#####-" in line.plain for line in lines)
