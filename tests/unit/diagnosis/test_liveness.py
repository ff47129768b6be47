"""When the daemon counts as alive: never killed for ordinary waiting, never kept when it hangs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.liveness import (
    ANSWER_SECONDS,
    PARKED_SECONDS,
    PROBE_SECONDS,
    RETRY_SECONDS,
    WRITE_SECONDS,
    LivenessFacts,
    liveness_failure,
    quiet_limit,
)
from storage.engine.database import BUSY_PATIENCE_SECONDS
from testio.limits import Breaker
from testio.transport import LONGEST_RETRY_AFTER, TransportOptions

ROLES = ("coordinator", "scheduler", "supervisor")
timeouts = st.floats(0.1, 600)
any_time = st.floats(0, 1e6)
at_ease = st.fixed_dictionaries({role: st.floats(0, ANSWER_SECONDS) for role in ROLES})


def facts(**given: object) -> LivenessFacts:
    defaults: dict[str, object] = {
        "silent": {},
        "logger_silent": 0.0,
        "run_quiet": None,
        "cannot_write": False,
    }
    return LivenessFacts(**defaults | given)  # type: ignore[arg-type]


@given(silent=at_ease, logger=st.floats(0, WRITE_SECONDS), timeout=timeouts)
def test_a_daemon_without_a_run_that_answers_is_alive(
    silent: dict[str, float], logger: float, timeout: float
) -> None:
    found = facts(silent=silent, logger_silent=logger)
    assert liveness_failure(found, http_timeout=timeout) is None


@given(
    timeout=timeouts,
    parked=st.floats(0, PARKED_SECONDS),
    pause=st.floats(0, RETRY_SECONDS),
    probe=st.floats(0, PROBE_SECONDS),
    stored=st.floats(0, BUSY_PATIENCE_SECONDS),
)
def test_no_ordinary_wait_of_a_run_looks_like_a_hang(
    timeout: float, parked: float, pause: float, probe: float, stored: float
) -> None:
    quiet = parked + pause + probe + timeout + stored
    assert liveness_failure(facts(run_quiet=quiet), http_timeout=timeout) is None


@given(timeout=timeouts, over=st.floats(0.01, 1e6))
def test_a_run_that_does_not_move_is_noticed(timeout: float, over: float) -> None:
    found = liveness_failure(facts(run_quiet=quiet_limit(timeout) + over), http_timeout=timeout)
    assert found is not None
    assert "run at work" in found


@given(quiet=any_time, timeout=timeouts)
def test_a_full_disk_is_no_reason_to_be_killed(quiet: float, timeout: float) -> None:
    assert liveness_failure(facts(run_quiet=quiet, cannot_write=True), http_timeout=timeout) is None


@given(
    role=st.sampled_from(ROLES),
    over=st.floats(0.01, 1e6),
    cannot_write=st.booleans(),
    quiet=st.none() | any_time,
)
def test_an_actor_that_does_not_answer_is_noticed_whatever_else_is_so(
    role: str, over: float, cannot_write: bool, quiet: float | None
) -> None:
    silent = {role: ANSWER_SECONDS + over}
    found = facts(silent=silent, run_quiet=quiet, cannot_write=cannot_write)
    assert role in (liveness_failure(found, http_timeout=30) or "")


@given(over=st.floats(0.01, 1e6), cannot_write=st.booleans())
def test_a_logger_that_does_not_come_back_is_noticed(over: float, cannot_write: bool) -> None:
    found = facts(logger_silent=WRITE_SECONDS + over, cannot_write=cannot_write)
    assert "logger" in (liveness_failure(found, http_timeout=30) or "")


@pytest.mark.parametrize(
    ("assumed", "real"),
    [
        (PARKED_SECONDS, LONGEST_RETRY_AFTER),
        (
            RETRY_SECONDS,
            TransportOptions(base_url="x", token=lambda: "").longest_pause_seconds,
        ),
        (PROBE_SECONDS, Breaker()._patience),
    ],
    ids=["parked", "retry", "probe"],
)
def test_the_waits_are_those_of_the_client(assumed: float, real: float) -> None:
    assert assumed == real


def test_the_waits_of_a_run_add_up() -> None:
    assert quiet_limit(30.0) == 300 + 20 + 10 + 60 + 300


def test_just_at_its_limit_nothing_hangs() -> None:
    at_limit = facts(
        silent={"scheduler": ANSWER_SECONDS},
        logger_silent=WRITE_SECONDS,
        run_quiet=quiet_limit(30.0),
    )
    assert liveness_failure(at_limit, http_timeout=30.0) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"silent": {"scheduler": 61.0}}, "the scheduler has not answered for 61 s"),
        ({"logger_silent": 601.0}, "the logger has not answered for 601 s"),
        ({"run_quiet": 691.0}, "nothing of the run at work has moved for 691 s"),
    ],
)
def test_an_ailment_is_said_with_its_time(given: dict[str, object], said: str) -> None:
    assert liveness_failure(facts(**given), http_timeout=30.0) == said
