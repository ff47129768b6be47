"""Asks the Coordinator how it stands, all through a full sync: `python -m tests.benchmarks.asking`.

A process of its own: the asker shares the interpreter with the sync, as the control socket does.
It prints the milliseconds of each answer.
"""

from __future__ import annotations

import json
import time

from pydantic import SecretStr

from actors.system import ActorSystem
from config.logs import configure_logs
from rules.model import RunStatus, Trigger
from service.assembly import make_daemon_ports, make_guard, make_request
from service.configuration import Configuration
from service.remote_client import make_client
from service.store import open_store
from storage.engine.lock_holder import Role
from tests.benchmarks.contestants.contest import Task, task_of_flags
from tests.benchmarks.contestants.ours import settings_of

PAUSE_SECONDS = 0.002


def main() -> None:
    """Sync once, asking meanwhile."""
    configure_logs(level="WARNING", log_format="console")
    print(json.dumps({"milliseconds": [1000 * each for each in _ask_all_through(task_of_flags())]}))


def _ask_all_through(task: Task) -> list[float]:
    settings, token = settings_of(task), SecretStr(task.token)
    with open_store(settings, role=Role.ONE_SHOT) as store:
        live = Configuration(settings=settings, token=token)
        client = make_client(settings, live.secret)
        account = make_guard(settings, token, store)
        system = ActorSystem(make_daemon_ports(live, client, store, account))
        system.start()
        try:
            run_id = system.start_run(make_request(settings, Trigger.API)).run_id
            assert run_id is not None
            return _ask(system, run_id)
        finally:
            system.stop()
            client.close()


def _ask(system: ActorSystem, run_id: int) -> list[float]:
    """Seconds of each answer until the run's end is on disk."""
    answers = []
    while (result := system.wait_for(run_id, timeout=PAUSE_SECONDS)) is None:
        began = time.perf_counter()
        system.status()
        answers.append(time.perf_counter() - began)
    assert result.status is RunStatus.SUCCESS, result
    return answers


if __name__ == "__main__":
    main()
