"""Verbs that only ask load nothing heavy: what a person waits for is mostly loading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {"sqlalchemy", "dataset", "alembic", "pykka", "requests", "prometheus_client", "waitress"}
VERBS = ("status", "health", "problems", "watch", "stop", "runs", "events", "deletions", "pause")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_only_asks_loads_fast(verb: str) -> None:
    program = (
        "import importlib, sys\n"
        f"importlib.import_module('cli.verbs.{verb}')\n"
        f"print(*sorted({HEAVY!r} & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
