"""What is learned about a server from its pages: a clamp, a record left out, no way forward."""

from __future__ import annotations

import pytest

from rules.listing.pages import MAX_IDLE_WINDOWS, Pages
from rules.listing.windows import Window


def window(per_page: int) -> Window:
    return Window(page=2, per_page=per_page)


def test_a_fresh_listing_knows_nothing() -> None:
    pages = Pages()
    assert (pages.largest_allowed, pages.largest_answer) == (30, 0)
    assert (pages.left_out, pages.unproven, pages.lead_nowhere) == (False, False, False)


def test_what_an_interrupted_listing_knew_is_kept() -> None:
    pages = Pages(largest_allowed=7, largest_answer=5, left_out=True, unproven=True)
    assert (pages.largest_allowed, pages.largest_answer) == (7, 5)
    assert (pages.left_out, pages.unproven) == (True, True)


@pytest.mark.parametrize(("allowed", "can"), [(1, False), (2, False), (3, True), (30, True)])
def test_three_rows_are_needed_to_overlap(allowed: int, can: bool) -> None:
    assert Pages(largest_allowed=allowed).can_overlap is can


def test_a_first_short_page_may_be_a_clamp() -> None:
    pages = Pages()
    pages.note(window(30), 12, beyond=12)
    assert (pages.largest_allowed, pages.largest_answer) == (12, 12)
    pages.note(window(12), 12, beyond=11)
    assert (pages.largest_allowed, pages.left_out) == (12, False)


def test_an_empty_page_still_allows_one_row() -> None:
    pages = Pages()
    pages.note(window(30), 0, beyond=0)
    assert pages.largest_allowed == 1


def test_a_full_page_teaches_its_size_and_no_clamp() -> None:
    pages = Pages()
    pages.note(window(30), 30, beyond=30)
    pages.note(window(29), 29, beyond=28)
    assert (pages.largest_allowed, pages.largest_answer) == (30, 30)


@pytest.mark.parametrize(("per_page", "allowed"), [(12, 30), (13, 11)])
def test_shorter_than_a_page_that_was_answered_in_full_is_the_end_not_a_clamp(
    per_page: int, allowed: int
) -> None:
    pages = Pages(largest_answer=12)
    pages.note(window(per_page), 11, beyond=1)
    assert pages.largest_allowed == allowed


@pytest.mark.parametrize(("beyond", "left_out"), [(0, False), (1, True), (2, True)])
def test_rows_behind_what_should_have_been_the_end_show_that_one_was_left_out(
    beyond: int, left_out: bool
) -> None:
    pages = Pages(largest_answer=30)
    pages.note(window(30), 29, beyond=28)
    assert not pages.left_out
    pages.note(window(30), 30, beyond=beyond)
    assert pages.left_out is left_out
    pages.note(window(30), 30, beyond=0)
    assert pages.left_out is left_out, "once seen, it stays so"


def test_after_a_clamp_rows_behind_are_expected() -> None:
    pages = Pages()
    pages.note(window(30), 12, beyond=12)
    pages.note(window(12), 12, beyond=11)
    assert not pages.left_out


def test_more_than_eight_windows_in_a_row_without_a_new_row_lead_nowhere() -> None:
    pages = Pages()
    for _ in range(MAX_IDLE_WINDOWS):
        pages.note_progress(has_new_rows=False)
    assert not pages.lead_nowhere
    pages.note_progress(has_new_rows=True)
    for _ in range(8):
        pages.note_progress(has_new_rows=False)
    assert not pages.lead_nowhere
    pages.note_progress(has_new_rows=False)
    assert pages.lead_nowhere
