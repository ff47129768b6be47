"""A length of time as it is said."""

from __future__ import annotations

import pytest

from rules.text.durations import spoken


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5.0, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60.0, "1 min"),
        (61.0, "1 min 1 s"),
        (3_600.0, "1 h"),
        (7_500.0, "2 h 5 min"),
        (86_400.0, "1 d"),
        (180_000.0, "2 d 2 h"),
    ],
)
def test_the_two_largest_units(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
