"""Thousands of interleavings of the whole actor system, each from a seed."""
from __future__ import annotations
import logging
import os
import pytest
from tests.simulation.life import Life
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "200"))

@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)

def test_lives():
    first = int(os.environ.get("SIMULATION_SEED", "0"))
    bad = []
    for seed in range(first, first + SEEDS):
        try:
            Life(seed).live()
        except Exception as error:
            if not isinstance(error, AssertionError):
                import traceback
                error = traceback.format_exc()
            bad.append((seed, str(error)))
    import pathlib
    for seed, e in bad[:int(os.environ.get('SHOW', 3))]:
        print(e[-9000:])
        print('=' * 100)
    for seed, e in bad:
        print(seed, e.splitlines()[0][:250])
    print(len(bad), "of", SEEDS)
    assert not bad
