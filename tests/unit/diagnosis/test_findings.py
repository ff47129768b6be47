"""What a check found, and what is mended first."""

from __future__ import annotations

from rules.diagnosis.findings import Area, Finding, Level, count, error, first_at_fault, ok, warning


def test_a_finding_is_as_bad_as_its_name() -> None:
    assert ok("token", "found") == Finding(level=Level.OK, subject="token", message="found")
    assert warning("disk", "nearly full", "make room") == Finding(
        level=Level.WARNING, subject="disk", message="nearly full", remedy="make room"
    )
    assert error("token", "none", "set one", Area.CREDENTIALS) == Finding(
        level=Level.ERROR,
        subject="token",
        message="none",
        remedy="set one",
        area=Area.CREDENTIALS,
    )
    assert error("x", "y", "z").area is Area.OTHER


def test_levels_are_counted_apart() -> None:
    found = [ok("a", "b"), warning("a", "b", "c"), warning("d", "e", "f")]
    assert [count(found, level) for level in Level] == [1, 2, 0]


def test_errors_are_mended_in_the_order_of_their_areas_and_warnings_never_first() -> None:
    found = [
        Finding(level=Level.WARNING, subject="w", message="w", area=Area.CONFIGURATION),
        error("db", "broken", "mend", Area.DATABASE),
        error("token", "none", "set", Area.CREDENTIALS),
    ]
    assert first_at_fault(found) is Area.CREDENTIALS
    assert first_at_fault(found[:1]) is None
