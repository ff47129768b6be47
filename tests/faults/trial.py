"""One attempt of one fault: an account, a mirror of it, processes that are watched."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from control.client import ControlClient
from control.errors import NoSuchEntry
from control.protocol import RunView, StartRunBody
from simulator import Simulator
from tests.faults.witness import Holdings, Tap, Witness, holdings
from tests.homes import Home
from tests.launcher import Launched

TABLES = ("products", "features", "tests")
TERMINAL = ("success", "partial", "failed", "cancelled", "interrupted")


@dataclass(slots=True)
class Process:
    """A command that was started, and all that it says."""

    launched: Launched
    out: Tap
    log: Tap

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.launched.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self.launched.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.launched.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for its end; its exit status. Raises TimeoutExpired."""
        status = self.launched.wait(seconds)
        self.out.close()
        self.log.close()
        return status


@dataclass(slots=True, kw_only=True)
class Trial:
    """What a fault works with. `dice` is all the chance there is; `number` counts the attempts.

    `is_long`: `make faults`, where a wait may last. `afterwards` is undone when all is judged.
    `saw` is for the table of docs/reliability.md: a few words on what became of the fault.
    `answers_within`: seconds that the socket may take (I6). `patience`: seconds after the fault
    until the daemon asks the remote again. `may_trace`: the fault raises what nobody has foreseen,
    and the log is to say where. `inside`: done first in every process, those of the oracle too.
    """

    home: Home
    dice: random.Random
    number: int = 0
    is_long: bool = False
    afterwards: ExitStack = field(default_factory=ExitStack)
    seen: Counter[str] = field(default_factory=Counter)
    processes: list[Process] = field(default_factory=list)
    daemon_process: Process | None = None
    witness: Witness | None = None
    baseline: Holdings | None = None
    known: dict[str, set[int]] = field(default_factory=dict)
    answers_within: float = 1.0
    patience: float = 45.0
    may_trace: bool = False
    inside: str = ""

    @property
    def simulator(self) -> Simulator:
        """The remote."""
        return self.home.simulator

    @property
    def control(self) -> ControlClient:
        """The daemon's socket."""
        return self.home.control

    def saw(self, what: str) -> None:
        """Note it for the table."""
        self.seen[what] += 1

    # -- processes ---------------------------------------------------------------------------

    def start(self, *words: str, inside: str | None = None) -> Process:
        """Start a command. `inside`: `module:function` to be called in the process at first."""
        first = ";".join(each for each in (inside, self.inside) if each) or None
        launched = self.home.start(*words, inside=first)
        assert launched.stdout is not None
        assert launched.stderr is not None
        process = Process(launched, Tap(launched.stdout), Tap(launched.stderr))
        self.processes.append(process)
        return process

    def sync(self, *words: str, expect: int | None = 0) -> Process:
        """A one-shot sync, to its end."""
        return self.finish(self.start("sync", *words), expect)

    def finish(self, process: Process, expect: int | None = 0, seconds: float = 40.0) -> Process:
        """Wait for a command's end, and check its exit status."""
        status = process.wait(seconds)
        assert expect is None or status == expect, (
            f"{process.launched.args} ended with {status}, expected {expect}\n"
            f"--- stdout\n{process.out.text}\n--- stderr\n{process.log.text}"
        )
        assert self.may_trace or "Traceback" not in process.log.text, process.log.text
        return process

    def daemon(self, *words: str, inside: str | None = None, settled: bool = True) -> Process:
        """Start the daemon, watched. `settled`: its first run has ended, with success.

        The next run comes when it is asked for, unless `--interval` says otherwise.
        """
        before = self.last_run()
        process = self.daemon_process = self.start("run", *words, inside=inside)
        self.home.wait_for(
            lambda: self.home.answers() or not process.runs, "an answer of the daemon"
        )
        assert process.runs, f"the daemon did not start:\n{process.log.text}"
        self.witness = Witness(self.control.path)
        if settled:
            assert self.home.wait_for_run(before + 1) == "success", process.log.text
            self.remember()
            self.quiet()
            self.baseline = holdings(process.pid)
        return process

    def stop(self, number: int = signal.SIGTERM, expect: int = 0) -> Process:
        """End the daemon in order, and watch it no more."""
        process = self.daemon_process
        assert process is not None
        self.unwatch()
        process.signal(number)
        self.daemon_process = None
        return self.finish(process, expect)

    def unwatch(self) -> None:
        """The daemon is about to end, or has ended."""
        if self.witness is not None:
            self.witness.close()

    # -- runs --------------------------------------------------------------------------------

    def run(self, *, seconds: float = 60.0, **body: Any) -> RunView:
        """A run by the daemon, to its end."""
        reply = self.control.start_run(StartRunBody(**body))
        assert reply.run_id is not None, reply
        return self.ended(reply.run_id, seconds)

    def ended(self, run_id: int, seconds: float = 60.0) -> RunView:
        """A run of the daemon after its end.

        Where others wait already the daemon answers at once, also that it has not begun yet.
        """
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            with suppress(NoSuchEntry):
                run = self.control.run(run_id, wait_seconds=2)
                if run.status in TERMINAL:
                    return run
            time.sleep(0.02)
        raise AssertionError(
            f"run {run_id} did not end in {seconds} s: {self.control.status().model_dump_json()}"
        )

    def last_run(self) -> int:
        """The newest run's id; 0 before the first."""
        return self.home.sql_count("sync_runs") and int(
            self.home.sql("SELECT max(id) FROM sync_runs")[0][0]
        )

    def quiet(self) -> None:
        """Wait until the daemon does nothing."""
        self.home.wait_for(lambda: self.control.status().current_run is None, "the end of the runs")

    def remember(self) -> None:
        """All rows that are in the mirror now have to stay there, marked as deleted or not."""
        for table in TABLES:
            ids = {key for (key,) in self.home.sql(f"SELECT id FROM {table}")}
            self.known[table] = self.known.get(table, set()) | ids

    def products(self) -> list[int]:
        """Of the account."""
        return [row["id"] for row in self.simulator.account()["products"]]

    def tests(self, product_id: int) -> list[int]:
        """Of the account."""
        return [row["id"] for row in self.simulator.account()["tests"][str(product_id)]]

    def others_are_fresh(self, run: RunView, *hit: int) -> None:
        """I5: every product but those `hit` is as fresh as without the fault."""
        stale = self.home.sql(
            "SELECT product_id, kind, current_as_of, last_outcome FROM freshness"
            " WHERE product_id <> 0 AND NOT (coalesce(current_as_of, '') >="
            " (SELECT started_at FROM sync_runs WHERE id = ?) AND last_outcome = 'complete')",
            run.run_id,
        )
        wrong = [row for row in stale if row[0] not in hit]
        assert not wrong, f"I5: other products are not fresh after run {run.run_id}: {wrong}"

    def nothing_is_gone(self) -> None:
        """No row is marked as deleted."""
        for table in TABLES:
            gone = self.home.sql(f"SELECT id FROM {table} WHERE deleted_at IS NOT NULL")
            assert not gone, f"{table} marked as deleted: {gone[:5]}"

    @contextmanager
    def hit(self, **given: Any) -> Iterator[int]:
        """A fault of the simulator, while the block lasts."""
        number = self.simulator.add_fault(**given)
        try:
            yield number
        finally:
            if any(each["id"] == number for each in self.simulator.state()["faults"]):
                self.simulator.remove_fault(number)

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        self.home.wait_for(holds, what)
