"""How long a hole is left alone after so many tries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rules.listing.probing import pause_after

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("tries", "pause"),
    [
        (0, 0 * MINUTE),
        (7, 0 * MINUTE),
        (8, 15 * MINUTE),
        (9, 30 * MINUTE),
        (12, 240 * MINUTE),
        (13, 360 * MINUTE),
        (10**9, 360 * MINUTE),
    ],
)
def test_it_is_tried_with_every_run_first_and_then_ever_less_often(
    tries: int, pause: timedelta
) -> None:
    assert pause_after(tries) == pause
