"""9 and 12: answers without an end, in time or in size."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

ATTEMPTS = 4
MEGABYTE = 2**20
SLOW: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a byte a second", {"kind": "drip", "seconds": 1}),
    ("header lines, now and then", {"kind": "endless_head", "seconds": 0.2}),
    ("header lines without a pause", {"kind": "endless_head"}),
    ("no last chunk", {"kind": "chunked", "defect": "endless"}),
    ("trailers without an end", {"kind": "chunked", "defect": "trailers"}),
    ("no answer", {"kind": "hang"}),
)


@fault(9, "one byte a second, headers for ever", products=7, tests=8, seconds=120)
def slow_for_ever(trial: Trial) -> None:
    """Four products have a trouble each: from five on the whole remote is taken to be down."""
    seconds = 3.0 if trial.is_long else 0.5
    trial.home.settings["HTTP_TIMEOUT_SECONDS"] = str(seconds)
    trial.daemon(inside=SHORT_PAUSES)
    troubles = trial.dice.sample(SLOW, 4)
    products = trial.dice.sample(trial.products(), len(troubles))
    path = trial.dice.choice(("*/features", "*/exploratory_tests"))
    with ExitStack() as all_of_them:
        for product_id, (_, given) in zip(products, troubles, strict=True):
            all_of_them.enter_context(trial.hit(**given, product_id=product_id, path=path))
        run = trial.run(force=True, seconds=100)
        assert run.status == "partial", run
        trial.others_are_fresh(run, *products)
    failed = {problem.product_id: problem.kind for problem in run.errors}
    assert failed.keys() <= set(products), run.errors
    for product_id, (what, _) in zip(products, troubles, strict=True):
        stale = trial.home.sql(
            "SELECT last_outcome FROM freshness WHERE product_id = ? AND last_outcome = 'failed'",
            product_id,
        )
        assert stale, f"{what}: product {product_id} has not failed"
    assert run.duration_seconds is not None
    longest = 10 + ATTEMPTS * (seconds + 2)  # all at once, each on a connection of its own
    assert run.duration_seconds < longest, f"the deadlines were not kept: {run}"
    trial.saw("ended by the deadline; the others fresh")


@fault(12, "a page of 1 GB, a bomb of gzip", products=6, tests=8, seconds=120)
def more_than_memory(trial: Trial) -> None:
    """Refused at the limit, whatever the form; the memory says that nothing was kept."""
    limit = trial.dice.choice((1, 64)) if trial.is_long else 1
    trial.home.settings["TESTIO_MAX_RESPONSE_MB"] = str(limit)
    daemon = trial.daemon(inside=SHORT_PAUSES)
    products = trial.dice.sample(trial.products(), len(_large(trial)))
    path = trial.dice.choice(("*/features", "*/exploratory_tests"))
    before = peak_kb(daemon.pid)
    with ExitStack() as all_of_them:
        for product_id, given in zip(products, _large(trial), strict=True):
            all_of_them.enter_context(trial.hit(**given, product_id=product_id, path=path))
        run = trial.run(force=True)
        assert run.status == "partial", run
        trial.others_are_fresh(run, *products)
    assert len({problem.product_id for problem in run.errors}) == len(products), run.errors
    grown = (peak_kb(daemon.pid) - before) // 1024
    allowed = 24 + 2 * limit * len(products)
    assert grown < allowed, f"{grown} MB more at a limit of {limit} MB"
    with trial.hit(kind="huge", bytes=2**30, path="/products"):
        assert trial.run().status in ("failed", "partial")
    trial.saw(f"refused at {limit} MB, the memory flat")


def _large(trial: Trial) -> tuple[dict[str, Any], ...]:
    size = 2**30 if trial.is_long else 128 * MEGABYTE
    return (
        {"kind": "huge", "bytes": 2**30},
        {"kind": "gzip_bomb", "bytes": size},
        {"kind": "gzip_bomb", "bytes": size, "layers": 3},
        {"kind": "chunked", "defect": "negative"},
    )


def peak_kb(pid: int) -> int:
    """The most memory that a process has ever held."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
