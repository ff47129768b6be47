"""Reading past what is damaged: nothing good is left out, and it comes to an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.salvage import Field, Gaps, Type, sound_row

ids = st.integers(-(2**63), 2**63 - 1)
near = st.integers(0, 400)


def read_all(rows: set[int], bad: list[tuple[int, int]], gaps: Gaps) -> list[int]:
    """As a reader does it: from both ends of each range up to what cannot be read."""

    def stops_at(key: int) -> bool:
        return any(low <= key <= high for low, high in bad)

    found: list[int] = []
    while (gap := gaps.take()) is not None:
        low, high = gap
        places = sorted({*rows, *(key for pair in bad for key in pair)})
        inside = [key for key in places if low <= key <= high]
        reached: list[int] = []
        for ordered in (inside, inside[::-1]):
            at = next((key for key in ordered if stops_at(key)), None)
            for key in ordered:
                if key == at:
                    break
                found.append(key)
            if at is None:
                break
            reached.append(at)
        if len(reached) == 2:
            gaps.failed(*reached)
    return found


@given(
    rows=st.sets(near | ids, max_size=60),
    bad=st.lists(st.tuples(near, st.integers(0, 30)).map(lambda x: (x[0], sum(x))), max_size=4),
)
def test_every_row_outside_of_the_damage_is_read_once(
    rows: set[int], bad: list[tuple[int, int]]
) -> None:
    gaps = Gaps()
    found = read_all(rows, bad, gaps)
    good = {key for key in rows if not any(low <= key <= high for low, high in bad)}
    assert sorted(found) == sorted(good)
    assert gaps.has_lost == bool(bad)


def test_it_ends_where_nothing_can_be_read() -> None:
    gaps = Gaps(tries=50)
    tries = 0
    while (gap := gaps.take()) is not None:
        tries += 1
        gaps.failed(*gap)
    assert tries == 50
    assert gaps.has_lost


def taken(gaps: Gaps) -> list[tuple[int, int]]:
    return list(iter(gaps.take, None))


def test_what_is_left_between_two_failures_is_halved_and_the_longest_part_comes_first() -> None:
    gaps = Gaps(0, 99)
    assert gaps.take() == (0, 99)
    gaps.failed(0, 99)
    assert gaps.take() == (0, 49)
    gaps.failed(0, 9)
    assert taken(gaps) == [(50, 99), (0, 4), (5, 9)]


def test_a_single_row_that_fails_is_given_up() -> None:
    gaps = Gaps(7, 8)
    assert gaps.take() == (7, 8)
    gaps.failed(7, 8)
    assert gaps.take() == (7, 7)
    gaps.failed(7, 7)
    assert taken(gaps) == [(8, 8)]
    gaps.failed(8, 7)
    assert taken(gaps) == []


FIELDS = (
    Field(name="id", type=Type.INTEGER, required=True),
    Field(name="changed_at", type=Type.TEXT, required=True),
    Field(name="detail", type=Type.TEXT, required=False),
    Field(name="duration_seconds", type=Type.REAL, required=False),
    Field(name="kind", type=Type.TEXT, required=False),
)
SOUND = (7, b"2026-01-31T08:15:00.000000Z", b'{"a": 1}', 1.5, b"tests")


def test_a_sound_row_is_decoded() -> None:
    assert sound_row(FIELDS, SOUND) == (
        *(7, "2026-01-31T08:15:00.000000Z"),
        *('{"a": 1}', 1.5, "tests"),
    )
    assert sound_row(FIELDS, (*SOUND[:2], None, None, None)) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, None),
        (0, b"7"),
        (0, 1.5),
        (1, b"2026-01-31T08:15:00.000000"),
        (1, b"yesterday"),
        (1, 12),
        (2, b"{'a': 1}"),
        (2, b"7"),
        (2, b"\xff{}"),
        (2, b"[" * 100_000),
        (3, float("inf")),
        (3, b"1.5"),
        (4, b"tesps"),
    ],
)
def test_what_this_program_cannot_have_written_is_refused(place: int, value: object) -> None:
    row: list[object] = [*SOUND]
    row[place] = value
    assert sound_row(FIELDS, row) is None


def test_a_row_with_more_or_fewer_values_than_fields_is_refused() -> None:
    assert sound_row(FIELDS, SOUND[:-1]) is None
    assert sound_row(FIELDS, (*SOUND, 1)) is None


@pytest.mark.parametrize(
    ("name", "text", "is_sound"),
    [
        ("at", "2026-01-31T08:15:00Z", True),
        ("at", "2026-01-31T08:15:00", False),
        ("at", "yesterday", False),
        ("probe_after", "2026-01-31T08:15:00Z", True),
        ("probe_after", "2026-01-31", False),
        ("probe_after", "soon", False),
        ("event", "product_synced", True),
        ("event", "Product synced", False),
        ("event", "", False),
        ("title", "Product synced", True),
        ("status", "yesterday", True),
    ],
)
def test_instants_and_events_are_told_by_the_names_of_their_columns(
    name: str, text: str, is_sound: bool
) -> None:
    field = Field(name=name, type=Type.TEXT, required=True)
    assert sound_row([field], [text.encode()]) == ((text,) if is_sound else None)
