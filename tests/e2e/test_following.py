"""Following what happens while daemons, databases and readers come and go; as real processes."""

from __future__ import annotations

import json
import signal
import threading

from tests.homes import Home


class Follower:
    """A command that goes on, and what it has printed so far."""

    def __init__(self, home: Home, *words: str) -> None:
        self.process = home.start(*words)
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read, name="follower")
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)  # ends with the process

    def ids(self) -> list[int]:
        return [json.loads(line)["id"] for line in list(self.lines)]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """End it; its status, and what it said on stderr."""
        self.process.send_signal(number)
        assert self.process.stderr is not None
        err = self.process.stderr.read()
        status = self.process.wait(timeout=10)
        self._thread.join(timeout=10)
        return status, err


def test_each_event_once_over_a_stop_and_a_kill(home: Home) -> None:
    everything = Follower(home, "events", "--follow", "--json")  # there is no database yet
    failures = Follower(home, "events", "--follow", "--json", "--failures")
    home.simulator.add_fault(kind="status", status=500, path="*/features", times=200)
    daemon = home.daemon()
    assert home.wait_for_run(1) == "partial"
    home.run("stop")
    home.finish(daemon)
    home.hang("*/exploratory_tests")
    daemon = home.daemon()
    home.wait_for_hang()
    daemon.kill()
    home.finish(daemon, expect=-9)
    home.simulator.clear_faults()
    daemon = home.daemon()
    assert home.wait_for_run(3) == "success"
    home.run("stop")
    home.finish(daemon)

    def rows(where: str) -> list[int]:
        query = f"SELECT id FROM sync_events WHERE {where} ORDER BY id"
        return [row[0] for row in home.sql(query)]

    wanted = "outcome IN ('failed', 'partial', 'interrupted')"
    home.wait_for(lambda: len(everything.lines) == len(rows("1")), "the last event")
    home.wait_for(lambda: len(failures.lines) == len(rows(wanted)), "the last failure")
    assert everything.ids() == rows("1")
    assert failures.ids() == rows(wanted)
    assert len(rows(wanted)) >= 7
    status, err = everything.end(signal.SIGINT)
    assert (status, "Traceback" in err) == (130, False), err
    assert failures.end(signal.SIGTERM)[0] == 130


def test_a_follower_whose_reader_has_gone_ends_at_once(home: Home) -> None:
    home.run("sync")
    follower = home.start("events", "--follow", "--limit", "3")
    assert follower.stdout is not None
    assert "run_finished" in [follower.stdout.readline() for _ in range(3)][-1]
    follower.stdout.close()
    assert follower.wait(timeout=10) == 0, "nothing happens any more that it could print"
    assert follower.stderr is not None
    assert follower.stderr.read() == ""


def test_a_file_that_is_no_database_is_not_followed(home: Home) -> None:
    home.database.write_text("this was never a database, and never will be\n" * 50)
    failed = home.run("events", "--follow", expect=9)
    assert "file is not a database" in failed.stderr
