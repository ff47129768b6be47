"""The diagnosis as a whole: each thing once, in order, and every projection says the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.catalogue import rank
from rules.diagnosis.codes import Code
from rules.diagnosis.diagnose import UNVOUCHED, health_of, not_alive
from rules.diagnosis.entries import MIRROR
from rules.diagnosis.findings import Severity
from rules.diagnosis.limits import (
    ANSWER_SECONDS,
    PARKED_SECONDS,
    PROBE_SECONDS,
    RETRY_SECONDS,
    WRITE_SECONDS,
    Limits,
    quiet_limit,
)
from rules.diagnosis.observations import DaemonState, ListingSeen, Observations, Presence
from rules.diagnosis.of_mirror import is_too_old
from rules.model import ErrorKind, Kind
from storage.engine.database import BUSY_PATIENCE_SECONDS
from testio.limits import Breaker
from testio.transport import LONGEST_RETRY_AFTER, TransportOptions
from tests.unit.diagnosis.worlds import LIMITS, NOW, ago, found, seen

ages = st.none() | st.sampled_from([-4_000.0, -100.0, 10.0, 3_599.0, 3_601.0, 172_801.0, 1e7])
errors = st.sampled_from([*(f"{kind.value}: so it was" for kind in ErrorKind), "odd", "new: x"])


@st.composite
def listings(draw: st.DrawFn) -> ListingSeen:
    current, complete = draw(ages), draw(ages)
    is_failing = draw(st.booleans())
    product_id = draw(st.integers(0, 4))
    return ListingSeen(
        product_id=product_id,
        kind=draw(st.sampled_from([Kind.FEATURES, Kind.TESTS])) if product_id else Kind.PRODUCTS,
        known_since=ago(draw(st.sampled_from([10.0, 9_999.0]))),
        current_as_of=None if current is None else ago(current),
        complete_as_of=None if current is None or complete is None else ago(complete),
        unusable=draw(st.sampled_from([0, 0, 2])),
        failing_since=ago(draw(st.sampled_from([5.0, 5_000.0]))) if is_failing else None,
        error=draw(errors) if is_failing else None,
        tried_at=draw(st.sampled_from([None, ago(3), ago(2), ago(1)])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> Observations:
    presence = draw(st.sampled_from(list(Presence)))
    state = DaemonState(
        breaker_open_seconds=draw(st.sampled_from([0.0, 70.0])),
        paused_seconds=draw(st.sampled_from([None, 9.0])),
        trouble=draw(st.sampled_from([None, "the disk is full"])),
    )
    many = draw(st.lists(listings(), max_size=8, unique_by=lambda x: (x.product_id, x.kind)))
    return seen(
        *many,
        presence=presence,
        state=state if presence is Presence.ANSWERS else None,
        mirror={"pending_sets": draw(st.sampled_from([0, 2]))},
    )


@given(worlds())
def test_every_list_that_is_not_well_is_told_of(world: Observations) -> None:
    is_wrong = any(
        each.failing_since is not None
        or each.unusable
        or each.complete_as_of is None
        or is_too_old(each, NOW, LIMITS)
        for each in world.mirror.listings
    )
    told = {finding.code for finding in found(world)}
    if is_wrong:
        assert told & OF_LISTS
    else:
        assert told & OF_LISTS <= {Code.BREAKER_OPEN, Code.HELD}


OF_LISTS = frozenset({*MIRROR, *(Code(kind.value) for kind in ErrorKind), Code.BREAKER_OPEN})


@given(worlds())
def test_the_most_urgent_comes_first_and_each_code_of_lists_once(world: Observations) -> None:
    findings = found(world)
    assert [rank(finding) for finding in findings] == sorted(map(rank, findings))
    assert all(finding.message and finding.action for finding in findings)
    severities = [finding.severity for finding in findings]
    assert severities == sorted(severities, key=list(Severity).index)


@given(worlds())
def test_what_health_says_is_all_of_it(world: Observations) -> None:
    """`status` and `check` show all findings: what one of them knows, the others know."""
    findings = found(world)
    verdict = health_of(findings)
    told = [*verdict.reasons, *verdict.warnings, *verdict.notes]
    assert sorted(told, key=rank) == sorted(findings, key=rank)
    is_bad = any(f.severity is Severity.ERROR or f.code in UNVOUCHED for f in findings)
    assert verdict.healthy is not is_bad


@given(worlds())
def test_a_list_beyond_its_limit_is_never_healthy(world: Observations) -> None:
    late = any(is_too_old(each, NOW, LIMITS) for each in world.mirror.listings)
    if late and not world.mirror.pending_sets:
        assert not health_of(found(world)).healthy


@pytest.mark.parametrize(
    ("interval", "reconcile", "max_age", "current", "complete"),
    [
        (900, 86_400, 0, 3_600, 172_800),
        (900, 86_400, 500, 500, 172_800),
        (900, 0, 0, 3_600, 3_600),
        (0, 86_400, 0, float("inf"), float("inf")),
        (0, 86_400, 500, 500, 172_800),
    ],
)
def test_the_limits_of_age(
    interval: float, reconcile: float, max_age: float, current: float, complete: float
) -> None:
    limits = Limits.of(interval=interval, reconcile=reconcile, max_age=max_age)
    assert (limits.current_seconds, limits.complete_seconds) == (current, complete)
    longer = Limits.of(interval=900, reconcile=0, max_age=0, request_timeout=30)
    assert longer.quiet_seconds == limits.quiet_seconds + 120
    assert longer.run_quiet_seconds == quiet_limit(30)


# -- whether it is alive -------------------------------------------------------------------------

LIFE = Limits.of_life(request_timeout=30)
ROLES = ("coordinator", "scheduler", "supervisor")


@given(
    timeout=st.floats(0.1, 600),
    parked=st.floats(0, PARKED_SECONDS),
    pause=st.floats(0, RETRY_SECONDS),
    probe=st.floats(0, PROBE_SECONDS),
    stored=st.floats(0, BUSY_PATIENCE_SECONDS),
)
def test_no_ordinary_wait_of_a_run_looks_like_a_hang(
    timeout: float, parked: float, pause: float, probe: float, stored: float
) -> None:
    state = DaemonState(run_quiet=parked + pause + probe + timeout + stored)
    assert not_alive(state, Limits.of_life(request_timeout=timeout), NOW) is None


@given(
    role=st.sampled_from(ROLES),
    over=st.floats(0.01, 1e6),
    trouble=st.sampled_from([None, "full"]),
    missing=st.booleans(),
)
def test_an_actor_that_does_not_answer_is_noticed_whatever_else_is_so(
    role: str, over: float, trouble: str | None, missing: bool
) -> None:
    state = DaemonState(
        silent={role: ANSWER_SECONDS + over},
        trouble=trouble,
        missing={role: "no threads"} if missing else {},
    )
    found = not_alive(state, LIFE, NOW)
    assert found is not None
    assert found.subject == role


def test_just_at_its_limit_nothing_hangs() -> None:
    state = DaemonState(
        silent={"scheduler": ANSWER_SECONDS, "logger": WRITE_SECONDS},
        run_quiet=quiet_limit(30.0),
    )
    assert not_alive(state, LIFE, NOW) is None
    late = replace(state, silent={"logger": WRITE_SECONDS + 1})
    assert (dead := not_alive(late, LIFE, NOW)) is not None
    assert dead.said(NOW) == "the logger has not answered for 10 min 1 s"


def test_a_run_that_does_not_move_is_noticed_but_not_while_the_disk_is_full() -> None:
    state = DaemonState(run_quiet=quiet_limit(30) + 1)
    assert (dead := not_alive(state, LIFE, NOW)) is not None
    assert dead.said(NOW) == "nothing of the run at work has moved for 11 min 31 s"
    assert not_alive(replace(state, trouble="full"), LIFE, NOW) is None


@pytest.mark.parametrize(
    ("assumed", "real"),
    [
        (PARKED_SECONDS, LONGEST_RETRY_AFTER),
        (RETRY_SECONDS, TransportOptions(base_url="x", token=lambda: "").longest_pause_seconds),
        (PROBE_SECONDS, Breaker()._patience),
    ],
    ids=["parked", "retry", "probe"],
)
def test_the_waits_are_those_of_the_client(assumed: float, real: float) -> None:
    assert assumed == real


def test_the_waits_of_a_run_add_up() -> None:
    assert quiet_limit(30.0) == 300 + 20 + 10 + 60 + 300


def test_the_limits_of_life_are_those_of_a_service_manager() -> None:
    assert (LIFE.silent_seconds, LIFE.logger_seconds) == (ANSWER_SECONDS, WRITE_SECONDS)
    assert LIFE.run_quiet_seconds == quiet_limit(30)
