"""18: the token is revoked while it is used."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from control.protocol import RunView, StartRunBody
from rules.model import ErrorKind
from tests.faults.inside import SHORT_PAUSES
from tests.faults.oracle import spellings
from tests.faults.programme import fault
from tests.faults.trial import Trial

CONNECTIONS = 10


@fault(18, "the token revoked in mid-run", latency_seconds=0.01, tests=70)
def revoked(trial: Trial) -> None:
    """The run ends, few requests follow, and a new token is taken up without a restart."""
    file = trial.home.folder / "token"
    old = trial.simulator.token
    _write(file, old)
    trial.home.settings["TESTIO_CUSTOMER_API_TOKEN_FILE"] = str(file)
    daemon = trial.daemon(inside=SHORT_PAUSES)
    run = _revoked_in_mid_run(trial)
    assert run.status in ("failed", "partial"), run  # partial if a list was complete before
    trial.saw(f"the run ended as {run.status}, for the token")
    trial.simulator.forget_requests()
    run = trial.run()
    assert run.status == "failed", run
    assert len(trial.simulator.requests()) == 1, "a refused token is tried once a run"
    trial.sync(expect=5)
    new = f"another-token-{trial.dice.randrange(10**9)}"
    trial.simulator.set_token(new)
    _write(file, f"a-wrong-token-{trial.dice.randrange(10**9)}")
    trial.finish(trial.start("reload"), 2)
    _write(file, new)
    if trial.dice.random() < 0.5:
        trial.finish(trial.start("reload"), 0)
        trial.saw("a new token by reload: fresh in the next run")
    else:
        daemon.signal(signal.SIGHUP)
        trial.wait_for(lambda: _reloads(trial) > 0, "the reload")
        trial.saw("a new token by SIGHUP: fresh in the next run")
    run = trial.run(force=True)
    assert run.status == "success", run
    trial.others_are_fresh(run)
    trial.stop()
    trial.simulator.revoke_token()
    trial.sync(expect=5)
    trial.simulator.set_token(new)
    told = [line for line in daemon.log.lines if any(word in line for word in spellings(old))]
    assert not told, told


def _revoked_in_mid_run(trial: Trial) -> RunView:
    trial.simulator.forget_requests()
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    assert run_id is not None
    number = trial.dice.randrange(1, 12)
    trial.wait_for(lambda: len(trial.simulator.requests()) >= number, "so many requests")
    time.sleep(trial.dice.uniform(0, 0.01))
    trial.simulator.revoke_token()
    run = trial.ended(run_id)
    refused = sum(line.status == 401 for line in trial.simulator.requests())
    assert 1 <= refused <= CONNECTIONS, f"{refused} requests after the refusal"
    assert ErrorKind.UNAUTHORIZED in {problem.kind for problem in run.errors}, run.errors
    return run


def _reloads(trial: Trial) -> int:
    return int(trial.home.sql("SELECT count(*) FROM sync_events WHERE event = 'reloaded'")[0][0])


def _write(file: Path, token: str) -> None:
    """All at once, as an operator would."""
    new = file.with_suffix(".new")
    new.write_text(f"{token}\n")
    new.chmod(0o600)
    os.replace(new, file)
