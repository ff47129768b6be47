"""What befalls a daemon in the soak, one thing a cycle; each block undoes itself at its end."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

from control.errors import ControlError
from control.protocol import StartRunBody
from tests.faults.trial import Trial

Mishap = Callable[[Trial], Any]
PATHS = ("*", "/products", "*/features", "*/exploratory_tests")
BROKEN_ANSWERS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 404},
    {"kind": "status", "status": 429, "retry_after": "1"},
    {"kind": "status", "status": 503, "retry_after": "soon"},
    {"kind": "reset"},
    {"kind": "reset", "after_bytes": 700},
    {"kind": "truncate"},
    {"kind": "garbage"},
    {"kind": "invalid_json"},
    {"kind": "wrong_types", "rows": 2},
    {"kind": "bad_envelope", "shape": "null"},
    {"kind": "slow", "seconds": 0.3},
    {"kind": "drip", "seconds": 0.01},
    {"kind": "hang"},
    {"kind": "redirect", "location": "http://127.0.0.1:9/elsewhere"},
    {"kind": "unsorted"},
    {"kind": "null_end_dates"},
    {"kind": "clamp", "per_page": 7},
    {"kind": "omit_rows", "rows": 3},
    {"kind": "nan"},
    {"kind": "surrogate"},
    {"kind": "bom"},
    {"kind": "gzip_bomb", "bytes": 2_000_000},
    {"kind": "huge", "bytes": 2_000_000},
    {"kind": "content_type", "content_type": "text/plain"},
)


@contextmanager
def a_broken_answer(trial: Trial) -> Iterator[None]:
    """Some answers are not what they should be; a limited number, or all of one product."""
    broken = trial.dice.choice(BROKEN_ANSWERS)
    where: dict[str, Any] = {"path": trial.dice.choice(PATHS), "times": trial.dice.randrange(1, 12)}
    if trial.dice.random() < 0.3:
        where = {"product_id": trial.dice.choice(trial.products())}
        where |= {"times": 3} if broken["kind"] == "hang" else {}
    with trial.hit(**broken, **where):
        yield
    trial.saw("broken answers")


@contextmanager
def a_poison_record(trial: Trial) -> Iterator[None]:
    """One test on which the remote fails."""
    tests = trial.tests(trial.dice.choice(trial.products()))
    with trial.hit(kind="poison", test_id=trial.dice.choice(tests)):
        yield
    trial.saw("poison records")


@contextmanager
def the_account_moves(trial: Trial) -> Iterator[None]:
    """Rows come, change and go, while they are read."""
    mutate, dice = trial.simulator.mutate, trial.dice
    for _ in range(dice.randrange(1, 8)):
        product_id = dice.choice(trial.products())
        tests = trial.tests(product_id)
        steps = [partial(mutate, "add", "test", product_id=product_id)]
        steps += [partial(mutate, "add", "feature", product_id=product_id)]
        if len(tests) > 20:
            steps += [partial(mutate, "delete", "test", id=dice.choice(tests))]
            fields = {"title": f"changed {dice.random()}"}
            steps += [partial(mutate, "change", "test", id=dice.choice(tests), fields=fields)]
        dice.choice(steps)()
        time.sleep(dice.uniform(0, 0.05))
    yield
    trial.saw("changes of the account")


@contextmanager
def it_is_stopped_for_a_while(trial: Trial) -> Iterator[None]:
    """SIGSTOP, and SIGCONT a second later."""
    process = trial.daemon_process
    assert process is not None
    assert trial.witness is not None
    with trial.witness.looking_away():
        process.signal(signal.SIGSTOP)
        time.sleep(1.0)
        process.signal(signal.SIGCONT)
        trial.wait_for(trial.home.answers, "an answer after SIGCONT")
    yield
    trial.saw("SIGSTOP")


@contextmanager
def another_writes(trial: Trial) -> Iterator[None]:
    """Another program holds SQLite's write lock for a second."""
    with closing(sqlite3.connect(trial.home.database, isolation_level=None)) as other:
        with suppress(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
        time.sleep(1.0)
    yield
    trial.saw("the write lock held by another")


@contextmanager
def somebody_reads_for_long(trial: Trial) -> Iterator[None]:
    """A reader keeps its snapshot, so that the log of the database grows."""
    place = f"file:{trial.home.database}?mode=ro"
    with closing(sqlite3.connect(place, uri=True, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tests").fetchall()
        yield
    trial.saw("long readers")


@contextmanager
def words_from_the_operator(trial: Trial) -> Iterator[None]:
    """Everything that a person can ask of a daemon, in a random order."""
    control, process = trial.control, trial.daemon_process
    assert process is not None
    words: list[Callable[[], object]] = [
        control.cancel,
        control.pause,
        control.resume,
        control.status,
        control.health,
        partial(control.start_run, StartRunBody(force=True)),
        partial(control.start_run, StartRunBody(product_ids=trial.products()[:1])),
        partial(_start_afresh, trial),
        partial(process.signal, signal.SIGHUP),
    ]
    for _ in range(trial.dice.randrange(3, 12)):
        with suppress(ControlError):
            trial.dice.choice(words)()
    control.resume()
    yield
    trial.saw("words from the operator")


def _start_afresh(trial: Trial) -> None:
    """A mirror built anew holds nothing of what had gone before."""
    trial.known.clear()
    trial.control.start_run(StartRunBody(nuke=True))


@contextmanager
def the_token_is_revoked(trial: Trial) -> Iterator[None]:
    """And is valid again afterwards."""
    token = trial.simulator.token
    trial.simulator.revoke_token()
    yield
    trial.simulator.set_token(token)
    trial.saw("revoked tokens")


@contextmanager
def nothing(trial: Trial) -> Iterator[None]:
    """A cycle as it should be."""
    yield
    trial.saw("undisturbed cycles")


MISHAPS: tuple[Mishap, ...] = (
    *(a_broken_answer,) * 6,
    a_poison_record,
    the_account_moves,
    the_account_moves,
    it_is_stopped_for_a_while,
    another_writes,
    somebody_reads_for_long,
    words_from_the_operator,
    words_from_the_operator,
    the_token_is_revoked,
    nothing,
)
