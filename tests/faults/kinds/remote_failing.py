"""8: the remote fails, for a while or on some records for good."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

PAGE = 30
BURSTS = ((1, 40), (100, 1000))


@fault(8, "bursts of 500, on everything and on one product", long=30)
def bursts_of_500(trial: Trial) -> None:
    trial.daemon(inside=SHORT_PAUSES)
    with trial.hit(
        kind="status", status=500, times=trial.dice.randrange(*trial.dice.choice(BURSTS))
    ):
        run = trial.run()
    assert run.status in ("success", "partial", "failed"), run
    trial.saw(f"the run in a burst: {run.status}")
    product_id = trial.dice.choice(trial.products())
    trial.wait_for(lambda: trial.run().status == "success", "a run after the burst")
    with trial.hit(kind="status", status=trial.dice.choice((500, 502, 504)), product_id=product_id):
        run = trial.run(force=True)
        assert run.status == "partial", run
        trial.others_are_fresh(run, product_id)
        assert {problem.product_id for problem in run.errors} == {product_id}, run.errors
    trial.saw("500 for one product: partial, the others fresh")


@fault(8, "poison records: one, several, at the boundary of two pages", long=30)
def poison_records(trial: Trial) -> None:
    trial.daemon(inside=SHORT_PAUSES)
    first, hit, other = trial.dice.sample(trial.products(), 3)
    tests = trial.tests(hit)
    boundary = trial.dice.choice((PAGE, PAGE - 4, PAGE + 1))
    _poisoned(trial, [(first, trial.dice.choice(trial.tests(first)))])
    trial.saw("one: partial, one hole, all other tests read")
    several = [(hit, tests[boundary - 1]), (hit, tests[boundary])]
    several += [(other, test) for test in _some(trial, other)]
    _poisoned(trial, several)
    trial.saw("several, two of them at a boundary: a hole for each")


def _some(trial: Trial, product_id: int) -> list[int]:
    """Up to six, no two of them neighbours: five in a row are an outage of that list."""
    return trial.dice.sample(trial.tests(product_id)[::2], trial.dice.randrange(1, 7))


def _poisoned(trial: Trial, records: list[tuple[int, int]]) -> None:
    """Each of them is a hole, everything around it is read, and nobody else suffers."""
    with ExitStack() as all_of_them:
        for _, test_id in records:
            all_of_them.enter_context(trial.hit(kind="poison", test_id=test_id))
        run = trial.run(force=True)
        assert run.status == "partial", run
        holes = dict(trial.home.sql("SELECT product_id, holes FROM freshness WHERE holes > 0"))
        expected = Counter(product_id for product_id, _ in records)
        assert holes == expected, f"{holes} of {records}\n{_on_record(trial)}\n{run}"
        trial.others_are_fresh(run, *holes)


def _on_record(trial: Trial) -> list[tuple[object, ...]]:
    return trial.home.sql(
        "SELECT product_id, position, reason, excerpt FROM quarantine WHERE resolved_at IS NULL"
    )
