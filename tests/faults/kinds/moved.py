"""30: what belongs to the database is moved away, or another program's index in it is broken."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from tests.faults.oracle import daemon_ended
from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.surroundings import broken_index

PARTIAL, DATABASE = 3, 6
NAMED = "index, or another virtual table, of another program"
DROPPED = """
DROP TRIGGER found_add; DROP TRIGGER found_drop; DROP TRIGGER found_change;
PRAGMA writable_schema = ON;
DELETE FROM sqlite_master WHERE name = 'found' OR name LIKE 'found\\_%' ESCAPE '\\';
PRAGMA writable_schema = RESET;
VACUUM;
"""


@fault(30, "the socket, the lock file or the database moved away")
def moved_away(trial: Trial) -> None:
    """The socket is made again; without the others it ends, and what was moved is whole."""
    process = trial.daemon()
    assert trial.witness is not None
    with trial.witness.looking_away():
        socket = trial.control.path
        socket.rename(socket.with_name("moved"))
        trial.wait_for(socket.exists, "a new socket")
        trial.wait_for(trial.home.answers, "an answer")
    socket.with_name("moved").unlink()
    trial.finish(trial.start("sync", "--force"))
    trial.unwatch()
    path = trial.dice.choice((trial.home.lock_file, trial.home.database))
    moved = path.with_name(f"moved-{path.name}")
    os.rename(path, moved)
    daemon_ended(process, DATABASE)
    trial.daemon_process = None
    said = "lock_file_replaced" if path == trial.home.lock_file else "database_gone"
    assert said in process.log.text, process.log.text
    assert not path.exists(), "it has made another one"
    os.rename(moved, path)
    name = "lock file" if path == trial.home.lock_file else "database"
    trial.saw(f"the socket made again; the {name} moved: ended with {DATABASE}")


@fault(30, "another program's full-text index in the database is broken")
def index_broken(trial: Trial) -> None:
    """Named, and no damage of ours: reading goes on, and so does all when the index has gone."""
    with_daemon = trial.dice.random() < 0.5
    if with_daemon:
        trial.daemon()
    else:
        trial.sync()
    broken_index(trial.home.folder, trial.home.folder)
    hit = trial.dice.choice(trial.products())
    trial.simulator.mutate("change", "product", id=hit, fields={"name": "changed"})
    if with_daemon:
        run = trial.run(force=True)
        assert run.status in ("failed", "partial"), run
        assert any(NAMED in problem.message for problem in run.errors), run.errors
        assert trial.daemon_process is not None
        assert trial.daemon_process.runs, trial.daemon_process.log.text
    else:
        ended = trial.sync("--force", expect=PARTIAL)
        assert NAMED in ended.out.text, ended.out.text
    trial.finish(trial.start("products"))
    with closing(sqlite3.connect(trial.home.database, timeout=30)) as other:
        other.executescript(DROPPED)
    trial.saw(f"{'the daemon goes on' if with_daemon else f'status {PARTIAL}'}, the index named")
