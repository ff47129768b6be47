"""31: answers that are slow, that are another's, or that are small and would cost much."""

from __future__ import annotations

from typing import Any

from control.protocol import StartRunBody
from storage.writes.quarantine_rows import MOST_BAD_ROWS
from testio.payloads import MOST_RECORDS
from tests.faults.inside import SHORT_PAUSES
from tests.faults.kinds.endless import peak_kb
from tests.faults.programme import fault
from tests.faults.trial import Trial

TESTS, FEATURES = "*/exploratory_tests", "*/features"
SLOW = ((0.03, None), (0.08, None), (0.015, 0.2))
"""Seconds a row and when the gatekeeper gives up: ten rows, or five, come in time."""
COSTLY = ("[]", "{}", '{"id":"1"}', "null")
MILLIONS = 1_300_000
MOST_GROWN_MB = 150


@fault(
    31,
    "lists too slow for whole pages, and one too slow for any",
    short=0,  # the time-outs take ten seconds and more
    products=5,
    seconds=120,
)
def slow_lists(trial: Trial) -> None:
    """The first are read whole in small pages; the other fails alone; none has a hole."""
    trial.home.settings["HTTP_TIMEOUT_SECONDS"] = "0.5"
    trial.daemon(inside=SHORT_PAUSES)
    slow, slower = trial.dice.sample(trial.products(), 2)
    seconds, gives_up = trial.dice.choice(SLOW)
    given: dict[str, Any] = {"kind": "slow_rows", "path": TESTS}
    with trial.hit(**given, seconds=seconds, gives_up=gives_up, product_id=slow):
        run = trial.run(force=True)
        assert run.status == "success", run
        with trial.hit(kind="hang", path=TESTS, product_id=slower):
            run = trial.run(force=True)
        assert run.status == "partial", run
        assert {problem.product_id for problem in run.errors} == {slower}, run.errors
        trial.others_are_fresh(run, slower)
    assert trial.home.sql_count("quarantine") == 0, "a slow row was taken for a hole"
    trial.nothing_is_gone()
    trial.saw("small pages: success; one too slow for five rows: failed alone")


@fault(31, "rows and lists of another product", latency_seconds=0.005)
def foreign_rows(trial: Trial) -> None:
    """From some moment of a run on: told, no row of others moves, and nobody else suffers."""
    trial.daemon(inside=SHORT_PAUSES)
    hit, owner = trial.dice.sample(trial.products(), 2)
    owners = _owners(trial)
    feature = trial.simulator.account()["features"][str(owner)][0]["id"]
    kinds: tuple[dict[str, Any], ...] = (
        {"kind": "another_list", "other_id": owner, "path": TESTS},
        {"kind": "another_list", "other_id": owner, "path": FEATURES},
        {"kind": "stray", "test_id": trial.dice.choice(trial.tests(owner))},
        {"kind": "stray_feature", "feature_id": feature},
        {"kind": "sent_twice"},
    )
    for given in kinds if trial.is_long else trial.dice.sample(kinds, 2):
        trial.simulator.forget_requests()
        run_id = trial.control.start_run(StartRunBody(force=True)).run_id
        assert run_id is not None
        _wait_for_requests(trial, trial.dice.randrange(1, 6))
        with trial.hit(**given, product_id=hit):
            assert trial.ended(run_id).status in ("success", "partial")
            run = trial.run(force=True)
        # a feature does not say whose it is: who lists it second is told, whether hit or owner
        is_test = given["kind"] == "stray" or given.get("path") == TESTS
        either = {hit} if is_test else {hit, owner}
        told = {each.product_id for each in run.errors}
        assert told <= either, (given, run)
        assert told or given["kind"] == "sent_twice", (given, run)
        trial.others_are_fresh(run, *either)
        # such a feature stays where it was seen first, until the wrong list is mended
        moved = {row[:2] for row in _owners(trial) ^ owners}
        assert moved <= {("feature", given.get("feature_id"))}, f"{given}: changed hands: {moved}"
        trial.nothing_is_gone()
        assert trial.run(force=True).status == "success"
        assert _owners(trial) == owners, f"{given}: not healed"
        trial.saw(f"{given['kind']}: {run.status}, told, and healed by the next run")


@fault(31, "small answers that would cost much", products=6, tests=8, seconds=120)
def costly(trial: Trial) -> None:
    """Millions of values, or of unusable records: bounded in memory, time and rows kept."""
    daemon = trial.daemon(inside=SHORT_PAUSES)
    many, bad = trial.dice.sample(trial.products(), 2)
    path, key = trial.dice.choice(((TESTS, "exploratory_tests"), (FEATURES, "features")))
    before = peak_kb(daemon.pid)
    number = trial.dice.choice((MOST_RECORDS + 1, MILLIONS)) if trial.is_long else MOST_RECORDS + 1
    millions = ",".join([trial.dice.choice(COSTLY)] * number)
    unusable = ",".join(f'{{"id":"{number}x"}}' for number in range(5_000))
    given: dict[str, Any] = {"kind": "status", "status": 200, "path": path}
    with (
        trial.hit(**given, body=f'{{"{key}":[{millions}]}}', product_id=many),
        trial.hit(**given, body=f'{{"{key}":[{unusable}]}}', product_id=bad),
    ):
        run = trial.run(force=True)
        assert run.status == "partial", run
        trial.others_are_fresh(run, many, bad)
    trial.nothing_is_gone()
    kept = trial.home.sql_count("quarantine")
    assert kept <= MOST_BAD_ROWS + 1, f"{kept} bad rows are kept"
    grown = (peak_kb(daemon.pid) - before) // 1024
    assert grown < MOST_GROWN_MB, f"{grown} MB more"
    trial.saw("refused or set aside; the others fresh, the memory bounded")


def _wait_for_requests(trial: Trial, number: int) -> None:
    trial.wait_for(lambda: len(trial.simulator.requests()) >= number, "so many requests")


def _owners(trial: Trial) -> set[tuple[Any, ...]]:
    """Of every row, as the mirror has it."""
    return set(
        trial.home.sql(
            "SELECT 'test', id, product_id FROM tests"
            " UNION ALL SELECT 'feature', id, product_id FROM features"
        )
    )
