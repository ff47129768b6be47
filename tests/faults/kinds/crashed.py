"""21: an actor meets an exception that nobody thought of, at each message that there is."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from control.errors import ControlError, NoDaemon
from control.protocol import StartRunBody
from tests.faults.inside_actors import MOMENTS, WAYS, role_of
from tests.faults.programme import fault
from tests.faults.provoking import FIRST, Pair, at_start, at_stop, by_asking, how, pairs
from tests.faults.trial import Process, Trial
from tests.faults.witness import holdings
from tests.oracle import differences

PAIRS = pairs()
GAVE_UP = 8
NOT_STARTED = 1
WHOLE_CREW = ("coordinator", "products-phase", "features-phase", "new_tests-phase")
"""With one of these the run is lost: no other knows how far it has come."""


@fault(21, "an actor crashes at a message", long=2 * len(PAIRS), seconds=90)
def crashes_at_a_message(trial: Trial) -> None:
    """Every pair by both ways of raising; a pair and a way at random in the short form."""
    number = trial.number if trial.is_long else trial.dice.randrange(2 * len(PAIRS))
    pair, way = PAIRS[number // 2], list(WAYS)[number % 2]
    moment = trial.dice.choice(MOMENTS)
    print(f"the {pair[0]} crashes by {way}, {moment} it has acted on {pair[1]}")
    _Crash(trial, pair, way, moment).happen()


class _Crash:
    def __init__(self, trial: Trial, pair: Pair, way: str, moment: str) -> None:
        self.trial, self.pair, self.way, self.moment = trial, pair, way, moment
        self.role, self.message = pair
        self.provoke = how(pair)
        self.armed = trial.home.folder / "armed"
        self.armed_first = trial.home.folder / "armed-first"

    def happen(self) -> None:
        """The crash, and what has to be so after it."""
        self.trial.may_trace = True
        if self.provoke is at_start:
            self._at_start()
        elif self.provoke is at_stop:
            self._at_stop()
        else:
            self._at_work()

    def _inside(self) -> str:
        crash = "tests.faults.inside_actors:crash_at"
        inside = f"{crash} {self.role} {self.message} {self.way} {self.moment} {self.armed}"
        if self.message in FIRST:
            role, message = FIRST[self.message]
            inside += f";{crash} {role} {message} RuntimeError before {self.armed_first}"
        return inside

    # -- when ----------------------------------------------------------------------------------

    def _at_start(self) -> None:
        self.armed.touch()
        if self.message == "Begin":
            self.trial.daemon(inside=self._inside())
            self._was_replaced()
            self.trial.saw("at the start: replaced, the first run came")
            return
        process = self.trial.start("run", inside=self._inside())
        assert process.wait() == NOT_STARTED, process.log.text
        assert not self.armed.exists()
        self.trial.saw("at the start: status 1, and why")
        assert "a fault" in process.log.text or "did not come up" in process.log.text

    def _at_stop(self) -> None:
        process = self.trial.daemon(inside=self._inside())
        self.armed.touch()
        self.provoke(self.trial, self.armed)
        assert not self.armed.exists()
        assert process.wait() in (0, GAVE_UP), process.log.text
        self.trial.saw(f"at the stop: status {process.wait()}")

    def _at_work(self) -> None:
        trial = self.trial
        process = trial.daemon(inside=self._inside())
        self.armed.touch()
        if self.message in FIRST:
            self.armed_first.touch()
        if self.role == "supervisor":
            self._ends(process)
            return
        assert trial.witness is not None
        before = trial.last_run()
        if self.provoke is by_asking:  # who asks at that moment is told to try again
            with trial.witness.looking_away():
                self.provoke(trial, self.armed)
        else:
            self.provoke(trial, self.armed)
        assert not self.armed.exists(), f"no {self.message} came to the {self.role}"
        self._was_replaced()
        trial.quiet()
        assert process.runs, process.log.text
        self._runs_are_true(before)
        if self.message == "WorkerAdded":
            trial.baseline = holdings(process.pid)

    # -- what holds ----------------------------------------------------------------------------

    def _was_replaced(self) -> None:
        """Both are told in `sync_events`, with the role and the error."""
        trial = self.trial
        trial.wait_for(lambda: self._told("actor_replaced"), f"another {self.role}")
        assert self._told("actor_crashed")

    def _told(self, event: str) -> bool:
        rows = self.trial.home.sql("SELECT detail FROM sync_events WHERE event = ?", event)
        return any(role_of(json.loads(detail)["role"]) == self.role for (detail,) in rows)

    def _runs_are_true(self, before: int) -> None:
        """What is called a success is one, and where a product is lost no other is."""
        trial = self.trial
        for run_id in range(before + 1, trial.last_run() + 1):
            run = trial.control.run(run_id)
            trial.saw(f"{self.role}: the run is a {run.status.value}")
            if run.status == "success":
                wrong = differences(trial.home.database, trial.simulator)
                assert not wrong, f"{self.pair}: a success, but {wrong[:3]}"
            if run.status == "failed" and self.role in WHOLE_CREW:
                assert any("crashed" in problem.message for problem in run.errors), run
            if self.role == "worker" and self.provoke.__name__ == "by_run":
                hit = {problem.product_id or 0 for problem in run.errors}
                assert run.status in ("success", "partial"), run
                trial.others_are_fresh(run, *hit)

    def _ends(self, process: Process) -> None:
        trial = self.trial
        trial.unwatch()
        try:
            self.provoke(trial, self.armed)
        except Exception as error:  # it has gone while it was asked
            print(f"while it ended: {error!r}")
        status = process.wait()
        assert status == GAVE_UP, f"ended with {status}:\n{process.log.text}"
        said_why(trial, process, "the supervisor crashed")
        trial.saw("the supervisor: status 8, and why")


def said_why(trial: Trial, process: Process, reason: str) -> None:
    """A daemon that gave up says so in its log and in `sync_events`."""
    told = [line for line in process.log.lines if '"daemon_gave_up"' in line and reason in line]
    assert told, process.log.text
    rows = trial.home.sql("SELECT error FROM sync_events WHERE event = 'daemon_gave_up'")
    assert any(reason in str(row) for row in rows), rows


@fault(21, "actors crash again and again", long=20)
def crashes_too_often(trial: Trial) -> None:
    role, message = trial.dice.choice(
        [pair for pair in PAIRS if pair[0] in (*WHOLE_CREW, "mirror") and pair[1] in OFTEN]
    )
    armed: Path = trial.home.folder / "armed"
    trial.may_trace = True
    inside = f"tests.faults.inside_actors:crash_always {role} {message} {armed}"
    process = trial.daemon(inside=inside)
    armed.touch()
    trial.unwatch()
    trial.wait_for(lambda: not _asked(trial, process), "the end of the daemon")
    assert process.wait() == GAVE_UP, process.log.text
    said_why(trial, process, "restarts")
    armed.unlink()
    trial.sync()
    trial.saw("status 8, and why; a plain sync healed it")


OFTEN = ("RunPhase", "StorePage", "ProductSynced", "StartRun")
"""What a run brings about."""


def _asked(trial: Trial, process: Process) -> bool:
    """Ask for another run; whether there is anybody to ask."""
    with suppress(ControlError, NoDaemon):
        trial.control.start_run(StartRunBody(force=True))
    return process.runs
