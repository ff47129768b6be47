"""Which holes are expected where, and which were met; positions count from 0."""

from __future__ import annotations

from rules.listing.holes import MAX_HOLES, MAX_HOLES_IN_A_ROW, Holes
from rules.records import HoleRecord

BEHIND_4 = HoleRecord(position=6, before_id=4, after_id=9)
NEXT_TO_IT = HoleRecord(position=7, before_id=4, after_id=9, rank=1)


def test_without_known_holes_nothing_is_expected_or_passed() -> None:
    holes = Holes(())
    assert (holes.assumed, holes.are_known, holes.is_too_many) == (False, False, False)
    assert holes.next_from(0) is None
    assert holes.step_over(5, 4) == 5
    assert (holes.count, holes.take()) == (0, ())


def test_a_known_hole_is_expected_where_it_stood() -> None:
    holes = Holes([BEHIND_4])
    assert holes.are_known
    assert [holes.next_from(end) for end in (0, 5, 6)] == [5, 5, None]


def test_it_is_stepped_over_where_its_neighbour_stands_above() -> None:
    holes = Holes([BEHIND_4, NEXT_TO_IT])
    assert holes.step_over(5, 4) == 7
    assert (holes.assumed, holes.count) == (True, 2)
    assert holes.next_from(0) is None, "it is not expected twice"


def test_it_is_not_stepped_over_below_another_row_or_at_another_rank() -> None:
    assert Holes([BEHIND_4]).step_over(5, 3) == 5
    assert Holes([NEXT_TO_IT]).step_over(6, 4) == 6


def test_it_moves_with_its_upper_neighbour() -> None:
    holes = Holes([BEHIND_4, NEXT_TO_IT])
    holes.expect_behind(3, 50)
    assert holes.next_from(0) == 5
    holes.expect_behind(4, 20)
    assert [holes.next_from(end) for end in (0, 22, 23)] == [21, 22, None]
    assert holes.step_over(21, 4) == 23


def test_what_was_stepped_over_is_an_assumption_until_its_lower_neighbour_is_read() -> None:
    holes = Holes([BEHIND_4])
    holes.step_over(5, 4)
    assert holes.is_another_row(8)
    assert holes.is_another_row(None)
    assert not holes.is_another_row(9)
    assert holes.is_neighbour(9)
    assert not holes.is_neighbour(8)
    assert holes.take() == (), "nobody knows yet what stands behind it"
    holes.close(9)
    assert holes.take() == (BEHIND_4,)
    assert (holes.assumed, holes.take()) == (False, ())


def test_an_assumption_that_was_wrong_is_forgotten_for_good() -> None:
    other = HoleRecord(position=40, before_id=38, after_id=41)
    holes = Holes([BEHIND_4, other])
    holes.step_over(5, 4)
    holes.forget_assumed()
    holes.begin()
    assert holes.next_from(0) == 39
    holes.forget_learned()
    holes.begin()
    assert holes.next_from(0) == 39


def test_a_hole_that_is_met_stands_between_its_neighbours() -> None:
    holes = Holes(())
    holes.note(5, 4)
    holes.note(6, 4)
    assert not holes.is_neighbour(9)
    holes.close(9)
    assert holes.take() == (BEHIND_4, NEXT_TO_IT)
    assert holes.count == 2


def test_a_hole_at_the_end_of_the_list_has_nothing_behind_it() -> None:
    holes = Holes(())
    holes.note(0, None)
    holes.close(None)
    assert holes.take() == (HoleRecord(position=1, before_id=None),)


def test_a_new_hole_is_not_called_one_with_a_known_neighbour() -> None:
    holes = Holes(())
    assert not holes.is_neighbour(9)
    holes.note(5, 4)
    holes.close(9)
    assert not holes.is_neighbour(9), "another row stands between them now"


def test_what_was_learned_serves_when_the_list_is_begun_again_and_can_be_forgotten() -> None:
    holes = Holes(())
    holes.note(5, 4)
    holes.close(9)
    holes.begin()
    assert holes.take() == (), "it is met again"
    assert (holes.next_from(0), holes.count) == (5, 0)
    holes.forget_learned()
    holes.begin()
    assert holes.next_from(0) is None


def test_what_was_learned_of_a_known_hole_stands_in_its_place() -> None:
    holes = Holes([BEHIND_4])
    holes.note(7, 4)
    holes.close(8)
    holes.begin()
    assert [holes.next_from(end) for end in (0, 8)] == [7, None]


def test_at_the_head_again_what_was_met_is_kept() -> None:
    holes = Holes(())
    holes.note(5, 4)
    holes.close(9)
    holes.begin_again_at_the_head()
    assert (holes.count, holes.next_from(0)) == (0, 5)
    assert holes.take() == (BEHIND_4,)


def test_more_than_four_in_a_row_are_an_outage() -> None:
    holes = Holes(())
    for at in range(MAX_HOLES_IN_A_ROW):
        holes.note(at, None)
    assert not holes.is_too_many
    holes.note(4, None)
    assert holes.is_too_many
    holes.close(9)
    assert not holes.is_too_many


def test_more_than_fifty_in_a_list_are_an_outage() -> None:
    holes = Holes(())
    for at in range(MAX_HOLES):
        holes.note(2 * at, at or None)
        holes.close(at + 1)
    assert not holes.is_too_many
    holes.note(200, 51)
    assert holes.is_too_many
    holes.begin()
    assert not holes.is_too_many
