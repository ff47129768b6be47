"""What is owed to those who asked for runs, when the Coordinator is replaced."""

from __future__ import annotations

import pytest

from actors.messages import RunTicket
from actors.runs_taken_on import Dismissed, RunsTakenOn
from rules.model import RunRequest, SyncPhase, Trigger
from tests.fakes import START


def ticket(run_id: int, *phases: SyncPhase) -> RunTicket:
    request = RunRequest(trigger=Trigger.API, phases=phases or tuple(SyncPhase))
    return RunTicket(run_id=run_id, request=request, started_at=START, started=0.0)


def test_a_run_is_owed_as_it_was_last_taken_on_until_it_ends() -> None:
    runs = RunsTakenOn()
    runs.take_on(ticket(1), at_work=True)
    runs.take_on(ticket(2, SyncPhase.PRODUCTS), at_work=False)
    runs.take_on(ticket(2, SyncPhase.PRODUCTS, SyncPhase.FEATURES), at_work=False)
    runs.ended(1)
    [left] = runs.close()
    assert left.ticket.request.phases == (SyncPhase.PRODUCTS, SyncPhase.FEATURES)
    assert not left.at_work


def test_after_the_end_nothing_is_promised_and_nothing_is_owed_twice() -> None:
    runs = RunsTakenOn()
    runs.take_on(ticket(1), at_work=True)
    assert len(runs.close()) == 1
    with pytest.raises(Dismissed):
        runs.take_on(ticket(2), at_work=False)
    runs.ended(1)
    assert runs.close() == ()


def test_a_cancelled_run_stores_nothing_and_is_still_owed_an_end() -> None:
    runs = RunsTakenOn()
    runs.take_on(ticket(1), at_work=True)
    runs.cancel()
    [left] = runs.close()
    assert left.ticket.is_over
