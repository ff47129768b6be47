"""Breaks each rule on purpose and shows that the test named for it fails.

The default suite checks that every patch still applies. `.ci/run` tries one of them (another one
each time: MUTANT_SEED repeats a choice), `make mutants` all.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launcher import SHARED
from tests.mutants.catalogue import MUTANTS, Mutant
from tests.tools import ON_CI

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("actors", "cli", "config", "control", "rules"),
    *("service", "simulator", "storage", "testio", "tests"),
)
EVERY = os.environ.get("MUTANTS") == "all"
SEED = os.environ.get("MUTANT_SEED", str(random.randrange(10_000)))
CHOSEN = MUTANTS if EVERY else random.Random(SEED).sample(MUTANTS, 1)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_patch_applies_and_its_test_exists(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert text.count(mutant.old) == 1, f"{mutant.old!r} stands {text.count(mutant.old)} times"
    file, _, name = mutant.test.partition("::")
    assert f"def {name}" in (ROOT / file).read_text()


def test_every_rule_that_code_can_break_is_broken_at_least_once() -> None:
    assert {mutant.rule for mutant in MUTANTS} >= set(range(1, 17))


@pytest.mark.skipif(not EVERY and not ON_CI, reason="takes long: .ci/run tries one")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(CHOSEN)))
def test_the_named_test_fails(number: int, tmp_path: Path) -> None:
    mutant = CHOSEN[number]
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    target = tmp_path / mutant.file
    own = {name: value for name, value in os.environ.items() if name != SHARED}
    target.write_text(target.read_text().replace(mutant.old, mutant.new))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-n0", "-p", "no:cacheprovider", mutant.test],
        cwd=tmp_path,
        env={**own, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 1, (
        f"seed {SEED}: rule {mutant.rule}, {mutant.name!r}: {mutant.test} should fail and ended "
        f"with {ended.returncode}\n{ended.stdout[-2000:]}{ended.stderr[-1000:]}"
    )
    assert " failed" in ended.stdout, ended.stdout[-2000:]
