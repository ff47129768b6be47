"""Reading a list of tests window after window, for everybody who reads one.

`rules.listing` says which window comes next and when the list has been read; whatever does not go
through it cannot know whether a test was missed between two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from rules.listing.listing import Listing, Reading
from rules.listing.stops import Seen
from rules.listing.windows import Window
from rules.records import BadRow, TestRecord
from testio.errors import ServerError, Timeout


class WindowAnswer(Protocol):
    """An answer: an id for each of its rows, None where unusable, and what was made of them."""

    @property
    def ids(self) -> tuple[int | None, ...]: ...

    @property
    def records(self) -> tuple[TestRecord, ...]: ...

    @property
    def bad_rows(self) -> tuple[BadRow, ...]: ...


A = TypeVar("A", bound=WindowAnswer)

Ask = Callable[[Window, bool, bool], A]
"""Asks for a window. Raises TestioError.

The first flag: whether a failure is tried again, or expected; the second: whether a timeout is.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken(Generic[A]):
    """One window that the listing took in: the rows of it that were not read before."""

    answer: A
    records: tuple[TestRecord, ...]
    bad_rows: tuple[BadRow, ...]


def seen_rows(answer: WindowAnswer, known: Collection[int] = ()) -> list[Seen]:
    """What a listing has to know of each row. An unusable one may end when the one above does."""
    ends, rows = {record.id: record.end_at for record in answer.records}, list[Seen]()
    for key in answer.ids:
        above = rows[-1].end_at if rows else None
        rows.append(Seen(key, ends.get(key, above) if key else above, key in known))
    return rows


def taken_of(window: Window, answer: A, indexes: Sequence[int]) -> Taken[A]:
    """The part of an answer that the listing has taken in."""
    fresh = {answer.ids[index] for index in indexes}
    positions = {window.offset + index + 1 for index in indexes}
    return Taken(
        answer=answer,
        records=tuple(record for record in answer.records if record.id in fresh),
        bad_rows=tuple(row for row in answer.bad_rows if row.position in positions),
    )


def read_windows(
    listing: Listing, ask: Ask[A], known: Callable[[A], Collection[int]], *, most: int
) -> Iterator[Taken[A]]:
    """Carry a listing on, by so many windows at most. Raises TestioError.

    `known`: the ids in an answer that need no further look.
    """
    patient = True
    for _ in range(most):
        if listing.state is not Reading.GOING_ON:
            return
        window = listing.next_window()
        try:
            answer = ask(window, patient, not listing.may_be_smaller(window))
        except (ServerError, Timeout) as error:
            note_failure(listing, window, error)
            patient = patient and not isinstance(error, ServerError)
            continue
        yield taken_of(window, answer, listing.take(window, seen_rows(answer, known(answer))))


def note_failure(listing: Listing, window: Window, error: ServerError | Timeout) -> None:
    """Tell a listing that a window failed, or was too slow; what comes next is its decision.

    Raises the error where nothing else can be asked for.
    """
    if isinstance(error, ServerError):
        listing.failed(window)
        if listing.state is Reading.REFUSED:
            raise error
    elif listing.may_be_smaller(window):
        listing.too_slow(window)
    else:
        raise error
