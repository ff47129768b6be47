"""13 to 15: lists that hold rows twice, that change while they are read, that are empty."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any

from control.errors import NoSuchEntry
from control.protocol import StartRunBody
from storage.engine import readonly
from storage.reads import decision_queries
from tests.faults.inside import SHORT_PAUSES
from tests.faults.movement import Movement
from tests.faults.programme import fault
from tests.faults.trial import TERMINAL, Trial
from tests.oracle import differences

EMPTY = (
    ("/products", '{"products":[]}'),
    ("*/features", '{"features":[]}'),
    ("*/exploratory_tests", '{"exploratory_tests":[]}'),
)


@fault(13, "ids twice: in a page, across pages, under two products")
def ids_twice(trial: Trial) -> None:
    """No row is lost or doubled, and no other product suffers."""
    trial.daemon(inside=SHORT_PAUSES)
    hit, owner = trial.dice.sample(trial.products(), 2)
    rows = trial.dice.randrange(1, 40)
    twice: dict[str, Any] = {"kind": "repeat_rows", "rows": rows}
    page = trial.dice.choice((None, 1, 2))
    with trial.hit(**twice, product_id=hit, page=page), trial.hit(**twice, path="/products"):
        for force in (True, False):
            run = trial.run(force=force)
            assert run.status in ("success", "partial"), run
            trial.others_are_fresh(run, hit)
            assert not (wrong := _differences(trial)), wrong
    trial.saw(f"in a page: {run.status}, each row once")
    stray = trial.dice.choice(trial.tests(owner))
    with trial.hit(kind="stray", test_id=stray, product_id=hit):
        for force in (True, False):
            run = trial.run(force=force)
            assert run.status in ("success", "partial"), run
            trial.others_are_fresh(run, hit, owner)
            wrong = [each for each in _differences(trial) if f"tests {stray}:" not in each]
            assert not wrong, wrong
    trial.saw(f"under two products: {run.status}, the row once")


@fault(
    15,
    "an empty 200 for everything, half the products, one product's tests",
    products=24,
    features=2,
    tests=12,
)
def empty_lists(trial: Trial) -> None:
    """The brake holds: nothing is marked, the sets are listed, and what returns is all there."""
    trial.daemon(inside=SHORT_PAUSES)
    with ExitStack() as all_of_them:
        for path, body in EMPTY:
            all_of_them.enter_context(trial.hit(kind="status", status=200, body=body, path=path))
        for force in (trial.dice.random() < 0.5, True):
            run = trial.run(force=force)
            assert run.status == "partial", run
            trial.nothing_is_gone()
        held = {(each["product_id"], each["kind"]) for each in _held(trial)}
        assert (0, "products") in held, held
        assert {(product, "tests") for product in trial.products()} <= held, held
    _all_is_back(trial)
    trial.saw("all empty: partial, held, nothing marked, all back")
    number = trial.dice.choice((12, 13, 23))
    with trial.hit(kind="omit_rows", rows=number, path="/products"):
        run = trial.run()
        trial.nothing_is_gone()
        assert run.status == ("success" if number == 12 else "partial"), (number, run)
    _all_is_back(trial)
    trial.saw("half the products: nothing marked, all back")
    hit = trial.dice.choice(trial.products())
    with trial.hit(kind="status", status=200, body=EMPTY[2][1], path=EMPTY[2][0], product_id=hit):
        run = trial.run(force=True)
        assert run.status == "partial", run
        trial.others_are_fresh(run, hit)
        trial.nothing_is_gone()
        assert [(each["product_id"], each["kind"]) for each in _held(trial)] == [(hit, "tests")]
    _all_is_back(trial)
    trial.saw("one product's tests: held, the others fresh, all back")


def _held(trial: Trial) -> list[dict[str, Any]]:
    said = trial.finish(trial.start("deletions", "list", "--json")).out.text
    sets: list[dict[str, Any]] = json.loads(said)
    return sets


def _all_is_back(trial: Trial) -> None:
    run = trial.run()
    assert run.status == "success", run
    assert not (wrong := _differences(trial)), wrong
    with readonly.open_readonly(trial.home.database) as connection:
        assert not decision_queries.held_sets(connection)


def _differences(trial: Trial) -> list[str]:
    return differences(trial.home.database, trial.simulator)[:5]


MOVING: dict[str, Any] = {"tests": 130, "latency_seconds": 0.01}


@fault(14, "rows come and go between pages", **MOVING)
def moving(trial: Trial) -> None:
    """Whatever comes and goes, a row that stays is never missed and never marked."""
    trial.home.settings["MAX_CONCURRENT_API_REQUESTS"] = str(trial.dice.choice((1, 2, 4, 10)))
    first = trial.start("sync")
    trial.wait_for(lambda: len(trial.simulator.requests()) > 0, "the first request")
    _moved_until(trial, lambda: not first.runs)
    assert trial.finish(first, None).wait() in (0, 3), first.log.text
    trial.saw("a first sync: what stayed is there")
    trial.daemon(inside=SHORT_PAUSES)
    for force in (True, False):
        run_id = trial.control.start_run(StartRunBody(force=force)).run_id
        assert run_id is not None
        _moved_until(trial, partial(_has_ended, trial, run_id))
    trial.saw("a full and an incremental one: what stayed is there, unmarked")


def _moved_until(trial: Trial, is_over: Callable[[], bool]) -> None:
    """Move things until the run is over; what was left alone is there if it has to be.

    That is what the mirror held before, and all of a product that was listed in full meanwhile.
    """
    held = {product_id: _held_tests(trial, product_id) for product_id in trial.products()}
    before, movement = datetime.now(UTC).isoformat(), Movement(trial.simulator, trial.dice)
    movement.until(is_over)
    claims = {
        product_id
        for (product_id,) in trial.home.sql(
            "SELECT product_id FROM freshness WHERE kind = 'tests' AND complete_as_of >= ?", before
        )
    }
    for product_id, stays in movement.stays.items():
        expected = stays if product_id in claims else stays & held[product_id]
        missing = expected - _held_tests(trial, product_id)
        assert not missing, f"product {product_id} lacks {sorted(missing)}, which stayed"


def _held_tests(trial: Trial, product_id: int) -> set[int]:
    if not trial.home.sql_count("tests"):
        return set()
    found = trial.home.sql(
        "SELECT id FROM tests WHERE product_id = ? AND deleted_at IS NULL", product_id
    )
    return {test_id for (test_id,) in found}


def _has_ended(trial: Trial, run_id: int) -> bool:
    try:
        return trial.control.run(run_id).status in TERMINAL
    except NoSuchEntry:
        return False  # it has not begun yet
