"""What is said of lists and runs: the cause once, with what follows from it."""

from __future__ import annotations

import pytest

from rules.diagnosis.catalogue import urgency
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import LOOK
from rules.diagnosis.findings import Severity
from rules.diagnosis.observations import DaemonState, LastRun, Presence
from rules.diagnosis.of_mirror import trouble_of
from rules.model import ErrorKind, Kind, RunStatus
from tests.unit.diagnosis.worlds import (
    LIMITS,
    NOW,
    ago,
    codes,
    failing,
    found,
    listing,
    never,
    only,
    product_list,
    seen,
)

REFUSED = "unauthorized: 401"
AWAY = "connection_failed: refused"


def test_lists_that_fail_alike_share_a_finding_and_the_oldest_time() -> None:
    told = only(seen(failing(5, "timeout: no answer", 60), failing(6, "timeout: no answer", 120)))
    assert told.code is Code.TIMEOUT
    assert told.severity is Severity.WARNING
    assert told.said(NOW) == (
        "tests of product 5, tests of product 6 not complete for 2 min: timeout: no answer"
    )
    other = only(seen(failing(5, "timeout: no answer"), failing(9, "timeout: late")))
    assert other.why == "the remote did not answer in time", "texts differ: what it means is said"


def test_up_to_three_lists_are_named_and_more_are_counted() -> None:
    error = "timeout: no answer"
    three = [failing(n, error) for n in (1, 2, 3)]
    assert (
        only(seen(*three)).subject == "tests of product 1, tests of product 2, tests of product 3"
    )
    features = failing(1, error, kind=Kind.FEATURES)
    assert only(seen(*three, features)).subject == "4 lists of 3 products"


def test_a_failure_of_no_known_type_is_looked_up_among_the_problems() -> None:
    told = only(seen(failing(8, "of_a_later_version: x")))
    assert (told.code, told.action) == (Code.FAILING, "testio-sync problems list")
    assert told.said(NOW) == "tests of product 8 not complete for 1 min: of_a_later_version: x"
    assert only(seen(listing(8, failing_since=ago(5)))).why == "for several reasons"


def test_one_list_is_told_with_the_name_of_its_product() -> None:
    told = only(seen(failing(5, "timeout: late", product_name="Website")))
    assert told.subject == "tests of product 5 (Website)"
    long = only(seen(failing(5, "timeout: late", product_name="x" * 99)))
    assert long.subject == f"tests of product 5 ({'x' * 60})"


# -- the cause, and what follows -----------------------------------------------------------------


def test_what_no_run_came_to_since_the_list_failed_is_told_with_the_cause() -> None:
    """The network is back and the token is refused: nobody is sent to the network any more."""
    old = [failing(n, AWAY, 9_999, tried_at=ago(900)) for n in range(1, 41)]
    cause = product_list(failing_since=ago(300), error=REFUSED, tried_at=ago(60))
    told = only(seen(*old, cause, token="/etc/token"))
    assert told.code is Code.UNAUTHORIZED
    assert told.said(NOW) == (
        "the product list not complete, and 40 lists of 40 products not asked since for 5 min: "
        "unauthorized: 401"
    )
    assert told.action == (
        "put a valid token into /etc/token, then testio-sync reload and testio-sync sync"
    )


def test_without_a_daemon_nothing_has_to_be_read_again() -> None:
    cause = product_list(failing_since=ago(300), error=REFUSED)
    told = found(seen(cause, presence=Presence.NONE))[0]
    assert told.action == "put a valid token into its place, then testio-sync sync"


def test_a_token_of_the_environment_takes_a_new_start() -> None:
    cause = product_list(failing_since=ago(300), error=REFUSED)
    told = only(seen(cause, token="TESTIO_CUSTOMER_API_TOKEN (from the environment)"))
    assert told.action.endswith("then testio-sync stop and testio-sync run")


def test_what_a_run_came_to_later_fails_by_itself() -> None:
    cause = product_list(failing_since=ago(300), error="server_error: 500", tried_at=ago(60))
    later = failing(4, "timeout: late", tried_at=ago(30))
    assert codes(seen(cause, later)) == [Code.SERVER_ERROR, Code.TIMEOUT]


def test_the_token_refused_in_the_middle_of_a_run_takes_all_the_rest_with_it() -> None:
    cut = [failing(n, REFUSED, tried_at=ago(n)) for n in (1, 2, 3)]
    before = failing(9, "timeout: late", tried_at=ago(900))
    well = listing(7, tried_at=ago(900))
    told = only(seen(*cut, before, well))
    assert told.code is Code.UNAUTHORIZED
    assert told.message == (
        "tests of product 1, tests of product 2, tests of product 3 not complete, and "
        "tests of product 9 not asked since"
    )
    assert "product 7" not in told.message, "what is fresh enough waits for nobody"


def test_lists_that_were_never_read_wait_for_the_list_of_products() -> None:
    cause = product_list(failing_since=ago(60), error=AWAY, complete_as_of=None, current_as_of=None)
    told = only(seen(cause, never(4), failing(5, "never_listed: none", tried_at=ago(1))))
    assert told.code is Code.CONNECTION_FAILED
    assert "tests of product 4, tests of product 5 not asked since" in told.message


def test_records_of_the_product_list_hold_nothing_up() -> None:
    cause = product_list(failing_since=ago(60), error="bad_rows: 1", unusable=1, tried_at=ago(1))
    other = failing(4, "timeout: late", tried_at=ago(60))
    assert codes(seen(cause, other)) == [Code.TIMEOUT, Code.UNREADABLE_RECORDS]


def test_while_all_of_the_remote_fails_its_lists_are_told_with_it() -> None:
    state = DaemonState(breaker_open_seconds=90, last_failure="refused")
    cut = [failing(n, AWAY) for n in (1, 2)]
    told = found(seen(*cut, failing(3, "forbidden: 403"), state=state))
    assert [finding.code for finding in told] == [Code.BREAKER_OPEN, Code.FORBIDDEN]
    assert told[0].said(NOW) == (
        "all of the remote fails, and tests of product 1, tests of product 2 cannot be read for "
        "1 min 30 s: refused"
    )
    everything = product_list(failing_since=ago(60), error=AWAY, tried_at=ago(1))
    assert codes(seen(everything, *cut, never(8), state=state)) == [Code.BREAKER_OPEN]


def test_what_fails_as_the_list_of_products_does_is_told_in_one_line() -> None:
    cause = product_list(failing_since=ago(60), error=AWAY, tried_at=ago(2))
    others = [failing(n, f"{AWAY}, not asked", tried_at=ago(1)) for n in (1, 2, 3)]
    told = only(seen(cause, *others))
    assert told.text == ("4 lists of 3 products not complete: connection_failed: refused")


# -- too old -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "severity"),
    [(3_600, Severity.WARNING), (3_601, Severity.ERROR)],
)
def test_what_fails_for_too_long_is_an_error(age: float, severity: Severity) -> None:
    late = failing(5, "timeout: late", current_as_of=ago(age))
    assert only(seen(late)).severity is severity


def test_one_finding_a_code_however_many_lists_and_the_oldest_stands_for_all() -> None:
    old = [listing(n, current_as_of=ago(4_000 + n)) for n in (1, 2)]
    told = only(seen(*old))
    assert (told.code, told.severity) == (Code.STALE, Severity.ERROR)
    assert told.said(NOW) == ("tests of product 1, tests of product 2 not refreshed for 1 h 6 min")
    assert told.seconds(NOW) == 4_002
    part = only(seen(listing(complete_as_of=ago(172_801))))
    assert (part.code, part.text) == (Code.INCOMPLETE, "tests of product 18 not read completely")


def test_what_was_never_fetched_counts_from_when_it_appeared() -> None:
    young = only(seen(never(4)))
    assert (young.code, young.severity) == (Code.NEVER_FETCHED, Severity.INFORMATION)
    assert young.text == "tests of product 4 not fetched yet"
    assert only(seen(never(4, known=-9_999))).severity is Severity.INFORMATION
    late = only(seen(never(4, known=3_601), never(5)))
    assert late.severity is Severity.ERROR
    assert late.said(NOW) == "tests of product 4 not fetched at all for 1 h"


def test_what_was_only_read_in_part_so_far_is_told_and_no_fault() -> None:
    told = only(seen(listing(4, complete_as_of=None, known_since=ago(60))))
    assert (told.code, told.severity) == (Code.INCOMPLETE, Severity.INFORMATION)
    assert told.text == "tests of product 4 not read completely yet"


def test_what_was_read_far_in_the_future_is_of_no_known_age() -> None:
    assert found(seen(listing(current_as_of=ago(-200), complete_as_of=ago(-200)))) == ()
    told = only(seen(listing(current_as_of=ago(-4_000))))
    assert (told.code, told.since) == (Code.STALE, None)
    assert told.why == "it was read in the future, by a clock that was wrong"


def test_records_that_nobody_here_can_mend_are_a_warning_and_told_once() -> None:
    calm = only(seen(listing(unusable=1, complete_as_of=ago(200_000))))
    assert (calm.code, calm.severity) == (Code.UNREADABLE_RECORDS, Severity.WARNING)
    assert calm.text == "1 record of tests of product 18 cannot be read"
    assert calm.action == "testio-sync problems list"
    fails = only(seen(failing(18, "holes: 2 records", unusable=2)))
    assert fails.said(NOW) == (
        "2 records of tests of product 18 cannot be read for 1 min: holes: 2 records"
    )
    many = only(seen(failing(18, "bad_rows: 5,000", unusable=101)))
    assert many.text.startswith("at least 101 records of tests of product 18 cannot be read")
    stale = codes(seen(failing(18, "holes: 2", unusable=2, current_as_of=ago(9_999))))
    assert stale == [Code.STALE, Code.UNREADABLE_RECORDS]


def test_held_deletions_are_told_with_their_command_and_not_as_a_failure_too() -> None:
    held = failing(18, "held: 12 rows", 30)
    told = only(seen(held, mirror={"pending_sets": 1}))
    assert told.code is Code.HELD
    assert told.said(NOW) == "1 set of deletions held back for 30 s"
    assert "testio-sync deletions list" in told.action
    assert only(seen(held)).text == "tests of product 18 not complete: held: 12 rows"
    late = failing(18, "held: 12 rows", current_as_of=ago(9_999))
    assert only(seen(late, mirror={"pending_sets": 1})).severity is Severity.ERROR


# -- runs ----------------------------------------------------------------------------------------


def test_a_run_that_nobody_works_on_any_more_was_killed() -> None:
    mirror = {"unfinished_run": 7}
    assert found(seen(mirror=mirror)) == ()
    assert found(seen(mirror=mirror, presence=Presence.ONE_SHOT)) == ()
    told = found(seen(mirror=mirror, presence=Presence.KILLED))[1]
    assert (told.code, told.text) == (Code.RUN_INTERRUPTED, "run 7 was killed")


def last(status: RunStatus, **problems: int) -> dict[str, LastRun]:
    return {"last_run": LastRun(run_id=7, status=status, problems=problems)}


def test_the_last_run_is_told_where_no_list_tells_what_it_met() -> None:
    told = only(seen(mirror=last(RunStatus.PARTIAL, timeout=3, not_found=1)))
    assert (told.code, told.severity) == (Code.LAST_RUN, Severity.WARNING)
    assert told.text == (
        "run 7 came out partial (4 problems): the remote says that there is no such list"
    )
    assert told.action.endswith("all of it: testio-sync runs show 7")
    late = failing(4, "timeout: late")
    assert codes(seen(late, mirror=last(RunStatus.PARTIAL, timeout=1))) == [Code.TIMEOUT]
    assert codes(seen(mirror=last(RunStatus.SUCCESS))) == []
    bare = only(seen(mirror=last(RunStatus.FAILED)))
    assert (bare.text, bare.subject) == ("run 7 failed", "run 7")
    assert bare.action == f"{LOOK}; all of it: testio-sync runs show 7"
    one = only(seen(mirror=last(RunStatus.PARTIAL, timeout=1)))
    assert one.text == "run 7 came out partial: the remote did not answer in time"
    assert one.action.startswith("the next run tries again; if it stays, raise HTTP_TIMEOUT")
    two = only(seen(mirror=last(RunStatus.PARTIAL, timeout=2)))
    assert two.text.startswith("run 7 came out partial (2 problems): ")


def test_a_run_that_failed_for_the_token_is_an_error() -> None:
    told = only(seen(mirror=last(RunStatus.FAILED, unauthorized=1)))
    assert told.severity is Severity.ERROR
    assert told.text == "run 7 failed: the remote does not accept the token"
    partial = only(seen(mirror=last(RunStatus.PARTIAL, unauthorized=1)))
    assert partial.severity is Severity.WARNING


def test_an_interrupted_run_says_that_it_was_killed() -> None:
    told = only(seen(mirror=last(RunStatus.INTERRUPTED)))
    assert told.text.startswith("run 7 was interrupted: its process was killed")


def test_what_follows_from_the_cause_is_told_with_it() -> None:
    cause = product_list(failing_since=ago(60), error=AWAY)
    mirror = last(RunStatus.FAILED, connection_failed=1, never_listed=2)
    assert codes(seen(cause, mirror=mirror)) == [Code.CONNECTION_FAILED]
    gaps = listing(unusable=1)
    assert codes(seen(gaps, mirror=last(RunStatus.PARTIAL, holes=1))) == [Code.UNREADABLE_RECORDS]
    state = DaemonState(breaker_open_seconds=90)
    broken = seen(state=state, mirror=last(RunStatus.FAILED, timeout=1))
    assert codes(broken) == [Code.BREAKER_OPEN]


def test_trouble_is_sorted_worst_first() -> None:
    lists = [
        listing(1),
        listing(2, current_as_of=ago(9_999)),
        listing(3, unusable=1),
        never(4),
        failing(5, "timeout: late", 60),
        failing(6, "timeout: late", 120),
        failing(7, REFUSED),
    ]
    ranked = sorted(lists, key=lambda each: trouble_of(each, NOW, LIMITS))
    assert [each.product_id for each in ranked] == [7, 6, 5, 4, 3, 2, 1]
    assert [trouble_of(each, NOW, LIMITS) for each in ranked[3:]] == [
        (1, 0, ""),
        (2, 0, ""),
        (3, 0, ""),
        (4, 0, ""),
    ]
    since = failing(8, REFUSED, 60)
    assert trouble_of(since, NOW, LIMITS) == (0, urgency("unauthorized"), ago(60).isoformat())


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_type_of_failure_has_its_code(kind: ErrorKind) -> None:
    told = only(seen(failing(4, f"{kind.value}: so", unusable=1)))
    of_records = kind in (ErrorKind.HOLES, ErrorKind.BAD_ROWS)
    assert told.code == (Code.UNREADABLE_RECORDS if of_records else kind.value)
