"""What has to be read again before it counts, in the order in which it was read."""

from __future__ import annotations

from rules.listing.proofs import Answer, Proofs, single
from rules.listing.windows import Window

WINDOW = Window(page=2, per_page=5)


def asked(proofs: Proofs) -> Window | None:
    return proofs.next


def is_wanted(proofs: Proofs) -> bool:
    return proofs.wants_a_row


def test_a_single_row_is_a_page_of_one() -> None:
    assert single(7) == Window(page=8, per_page=1)
    assert single(7).offset == 7


def test_nothing_is_open_at_first() -> None:
    proofs = Proofs()
    assert (proofs.next, proofs.is_settled, proofs.wants_a_row) == (None, True, False)


def test_what_is_wanted_is_asked_for_once_each_in_order() -> None:
    proofs = Proofs()
    proofs.want(WINDOW, [1, 2])
    proofs.want(single(9), None)
    proofs.want(WINDOW, [1, 2])
    assert not proofs.is_settled
    assert asked(proofs) == WINDOW
    assert proofs.check([1, 2])
    assert asked(proofs) == single(9)
    assert proofs.check(None), "what failed still fails"
    assert asked(proofs) is None
    assert proofs.is_settled


def test_another_answer_is_no_proof() -> None:
    answers: list[Answer] = [[2, 1], [1], [], None]
    for answer in answers:
        proofs = Proofs()
        proofs.want(WINDOW, [1, 2])
        assert not proofs.check(answer)


def test_the_next_row_serves_as_proof_where_there_is_none_above() -> None:
    proofs = Proofs()
    proofs.note_row(3, 33)
    assert proofs.next is None, "nobody asked for it"
    proofs.want_a_row()
    assert (proofs.wants_a_row, proofs.is_settled, asked(proofs)) == (True, False, None)
    proofs.note_row(4, 44)
    assert asked(proofs) == single(4)
    assert is_wanted(proofs) is False
    proofs.note_row(5, 55)
    assert proofs.check([44])
    assert proofs.is_settled


def test_no_row_is_wanted_where_something_is_open_already() -> None:
    proofs = Proofs()
    proofs.want(WINDOW, [1])
    proofs.want_a_row()
    assert proofs.wants_a_row is False


def test_a_wish_for_a_row_stays_until_one_is_read() -> None:
    proofs = Proofs()
    proofs.want_a_row()
    proofs.want(WINDOW, [1])
    proofs.want_a_row()
    assert proofs.wants_a_row is True
