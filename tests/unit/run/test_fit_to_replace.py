"""A fresh start takes the old mirror's place only if nothing in it failed (rule 16)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.model import ALL_PHASES, Outcome, SyncPhase
from rules.run.outcome import is_fit_to_replace

outcomes = st.dictionaries(st.integers(0, 4), st.sampled_from(Outcome))


@given(st.dictionaries(st.sampled_from(SyncPhase), outcomes))
def test_every_phase_and_no_failure(found: dict[SyncPhase, dict[int, Outcome]]) -> None:
    flat = {outcome for by_product in found.values() for outcome in by_product.values()}
    all_there = all(phase in found for phase in ALL_PHASES)
    unread = flat & {Outcome.FAILED, Outcome.SKIPPED}
    assert is_fit_to_replace(found) is (all_there and not unread)
