"""10 and 11: bodies that are not what they should be, and rows that are not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

Given = dict[str, Any]
LISTS = ("*/features", "*/exploratory_tests")

UNUSABLE: tuple[Given, ...] = (
    {"kind": "truncate"},
    {"kind": "truncate", "after_bytes": 0},
    {"kind": "garbage"},
    {"kind": "invalid_json"},
    {"kind": "charset", "charset": "utf-16"},
    {"kind": "charset", "charset": "cp500"},
    {"kind": "chunked", "defect": "size"},
    {"kind": "chunked", "defect": "short"},
    {"kind": "chunked", "defect": "negative"},
    *({"kind": "bad_envelope", "shape": shape} for shape in ("list", "renamed", "null", "object")),
    {"kind": "nested", "depth": 100_000},
)
"""What a list must not be taken from."""
READABLE: tuple[Given, ...] = (
    {"kind": "overlong"},
    {"kind": "overlong", "bytes": 100_000},
    {"kind": "bom"},
    {"kind": "chunked"},
    {"kind": "content_type", "content_type": "text/html; charset=latin-1"},
    {"kind": "content_type", "content_type": ""},
)
"""What is odd, and leaves no doubt about its content."""
ROWS: tuple[Given, ...] = (
    {"kind": "wrong_types"},
    {"kind": "odd_ids"},
    {"kind": "odd_ids", "rows": 1},
    {"kind": "nested", "depth": 300},
    {"kind": "nested", "depth": 900},
    {"kind": "nan"},
    {"kind": "surrogate"},
)
"""Single rows that cannot be used; their neighbours can."""


@fault(
    10,
    "truncated, over-long, HTML, charsets, BOM, broken chunks",
    products=len(UNUSABLE) + len(READABLE) + 1,
    features=2,
    tests=6,
)
def bad_bodies(trial: Trial) -> None:
    """Each product has another trouble, and one has none; then the list of products has one."""
    trial.daemon(inside=SHORT_PAUSES)
    products = trial.dice.sample(trial.products(), len(UNUSABLE) + len(READABLE))
    unusable = products[: len(UNUSABLE)]
    path = trial.dice.choice(LISTS)
    with ExitStack() as all_of_them:
        for product_id, given in zip(products, (*UNUSABLE, *READABLE), strict=True):
            all_of_them.enter_context(trial.hit(**given, product_id=product_id, path=path))
        run = trial.run(force=True)
        assert run.status == "partial", run
        trial.others_are_fresh(run, *unusable)
    hit = {product for (product,) in _not_complete(trial, "failed")}
    assert hit == set(unusable), [
        given for product, given in zip(unusable, UNUSABLE, strict=True) if product not in hit
    ]
    trial.saw(f"{len(UNUSABLE)} forms refused, {len(READABLE)} read, the others fresh")
    _list_of_products(trial, trial.dice.choice(UNUSABLE))


@fault(
    11,
    "wrong types, ids, nesting, NaN, keys that stand twice",
    products=len(ROWS) + 2,
    features=5,
    tests=12,
)
def bad_rows(trial: Trial) -> None:
    """Twice, as what two listings lack is gone; then the list of products has such rows."""
    trial.daemon(inside=SHORT_PAUSES)
    products = trial.dice.sample(trial.products(), len(ROWS) + 1)
    path = trial.dice.choice(LISTS)
    twice = {"kind": "duplicate_keys", "rows": 2}
    with ExitStack() as all_of_them:
        for product_id, given in zip(products, (*ROWS, twice), strict=True):
            all_of_them.enter_context(trial.hit(**given, product_id=product_id, path=path))
        for _ in range(2):
            run = trial.run(force=True)
            assert run.status == "partial", run
            trial.others_are_fresh(run, *products[: len(ROWS)])
        hit = {product for (product,) in _not_complete(trial, "partial", "failed")}
        assert hit == set(products[: len(ROWS)]), (products, hit)
    trial.nothing_is_gone()
    trial.saw(f"{len(ROWS)} kinds of rows set aside, their neighbours read, nothing deleted")
    for _ in range(2):
        _list_of_products(trial, {"kind": "odd_ids"})


def _not_complete(trial: Trial, *outcomes: str) -> list[tuple[int]]:
    marks = ", ".join("?" * len(outcomes))
    return trial.home.sql(
        f"SELECT product_id FROM freshness WHERE product_id <> 0 AND last_outcome IN ({marks})",
        *outcomes,
    )


def _list_of_products(trial: Trial, given: Given) -> None:
    """What is wrong with it deletes no product and is no success."""
    with trial.hit(**given, path="/products"):
        run = trial.run(force=True)
    assert run.status in ("partial", "failed"), run
    trial.nothing_is_gone()
