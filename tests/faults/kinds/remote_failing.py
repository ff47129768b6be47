"""8: the remote fails, for a while or on one record for good."""

from __future__ import annotations

from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial


@fault(8, "a burst of 500", long=20)
def burst_of_500(trial: Trial) -> None:
    trial.daemon(inside=SHORT_PAUSES)
    with trial.hit(kind="status", status=500, times=trial.dice.randrange(1, 40)):
        run = trial.run()
    assert run.status in ("success", "partial", "failed"), run
    trial.saw(f"the run in it: {run.status}")


@fault(8, "one poison record", long=20)
def one_poison_record(trial: Trial) -> None:
    trial.daemon()
    product_id = trial.dice.choice(trial.products())
    test_id = trial.dice.choice(trial.tests(product_id))
    with trial.hit(kind="poison", test_id=test_id):
        run = trial.run(force=True)
        assert run.status == "partial", run
        holes = trial.home.sql("SELECT product_id, holes FROM freshness WHERE holes > 0")
        assert holes == [(product_id, 1)], holes
        trial.others_are_fresh(run, product_id)
    trial.saw("partial, one hole, all other tests read")
