"""Reading a paged list that moves while it is read, without a gap (rules 4 to 6 and 9).

*A page belongs to a listing only if it overlaps what that listing has already read.* Rows
inserted above show the overlap further down: still contiguous. Rows removed above hide it: step
back until it shows again, or start over from the head, a bounded number of times.

Rows that end at the same time may stand in another order at each request, so no joint cuts such
a tie (`ties`); one that is longer than a window makes the listing partial.

The end is a window with nothing but its overlap. A short page alone is not: servers clamp
`per_page`, and leave records out of a page that they cannot show. An incremental listing also
ends where it joins up with rows that an earlier listing has confirmed. A remote that answers
another page with the rows of the first ignores paging: its answer may have been cut.

A window that fails for good is split until the records that make it fail stand alone; they are
holes. Around them windows cannot overlap, so what was read there is read again afterwards: still
in its place, it shows that nothing moved.

What belongs to it has files of its own: `windows` (which page), `splitting`, `holes`, `proofs`
(reading again), `pages` (what is learned about the server), `stops` (ends before the end), `ties`.

Moves that compensate each other exactly cannot be seen through page numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence, Set
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto

from rules.listing.holes import Holes
from rules.listing.pages import Pages
from rules.listing.proofs import Answer, Proofs, single
from rules.listing.resume import ResumePoint
from rules.listing.splitting import Split, next_smaller
from rules.listing.stops import Seen, Stops
from rules.listing.ties import LastTie, tie_around
from rules.listing.windows import (
    LARGEST_FOR_A_TIE,
    LARGEST_WINDOW,
    Window,
    adjacent_window,
    overlapping_window,
)
from rules.records import HoleRecord

MAX_STEPS_BACK = 6
MAX_STARTS = 3
MAX_FORGOTTEN = 100
"""Of so many assumed holes that were not there; more than a list can have, twice."""
MAX_SEEKS = 200

TAIL = 4
"""How many of the rows read last can show the overlap, if their tie has no more. An older row may
have moved down."""

CUT_OFF = (100, 25)
"""As many rows or more, or a multiple of the second number, may be a page and not the list."""


class Reading(Enum):
    """Where a listing stands."""

    GOING_ON = auto()
    COMPLETE = auto()
    JOINED = auto()
    ABANDONED = auto()
    REFUSED = auto()


class Listing:
    """One listing of one product's tests: which window comes next, and when it has ended.

    `since`: stop below this instant, as long as the list keeps the order newest end first.
    `incremental`: stop on known rows, under the same condition. `resume`: go on from there; then
    `already_read` are the ids that the interrupted listing has stored. `before`: the instant of
    the listing that an incremental or resumed one joins up with. `holes`: those known from
    earlier listings, to be stepped over. Not thread-safe; one worker drives it.
    """

    def __init__(
        self,
        *,
        since: datetime | None = None,
        incremental: bool = False,
        resume: ResumePoint | None = None,
        already_read: Collection[int] = (),
        before: datetime | None = None,
        holes: Sequence[HoleRecord] = (),
    ) -> None:
        self.state = Reading.GOING_ON
        self.why_abandoned = ""
        ordered = resume is None or resume.ordered
        self._stops = Stops(since=since, incremental=incremental, ordered=ordered, before=before)
        self._holes = Holes(holes)
        self._starts = 1
        self._quick_enough = LARGEST_WINDOW
        self._forgotten = 0
        self._handed_out: set[int] = set()
        if resume is not None and resume.at_head and resume.end > 0:
            # Rows of the head part itself are in `already_read`: they do not show that what was
            # read before joins up with them. Go on from them to the end instead.
            resume = replace(resume, at_head=False)
        self._before = frozenset(already_read)
        self._resumed = resume is not None and not resume.at_head
        self._at_head = resume is not None and resume.at_head
        self._start_at_the_head()
        if resume is not None and not resume.at_head:
            self._go_on_from(resume)
        self._point = self._resume_point()

    def _start_at_the_head(self) -> None:
        self._stops.begin()
        # One set for both until the list is read a second time: a large product has many rows.
        self._read = set() if self._handed_out else self._handed_out
        self._tail: tuple[int, ...] = ()
        self._tail_at = -1
        self._last: tuple[Window, list[int | None]] | None = None
        self._recheck = False
        self._tie = LastTie()
        self._first_ids: frozenset[int | None] = frozenset()
        self._end = 0
        self._back = 1
        self._steps_back = 0
        self._seeks = 0
        self._floor = 0
        self._pages = Pages()
        self._split = Split()
        self._proofs = Proofs()
        self._checking: Reading | None = None
        self._steady = 0
        self._step_over()

    def _go_on_from(self, point: ResumePoint) -> None:
        self._end, self._tail, self._tail_at = point.end, point.tail, point.tail_at
        self._tie = LastTie(point.end - point.tied, was_cut=point.cut_tie)
        self._floor = point.floor
        self._pages = Pages(
            largest_allowed=point.largest_allowed,
            largest_answer=point.largest_answer,
            left_out=point.left_out,
            unproven=not point.proven,
        )
        self._read = set(point.tail)

    @property
    def handed_out(self) -> Set[int]:
        """The ids of all rows that were returned to be stored."""
        return self._handed_out

    @property
    def ordered(self) -> bool:
        """Whether the list has kept its order, newest end first."""
        return self._stops.ordered

    # -- what to ask for ---------------------------------------------------------------------

    def next_window(self) -> Window:
        """The window to ask for now."""
        if self._recheck and self._last is not None:
            return self._last[0]
        again = self._proofs.next
        if again is not None and (self._checking is not None or self._is_past_the_split):
            self._checking = self._checking or Reading.GOING_ON
            return again
        largest = self._split.largest(self._end, self._largest)
        stop = self._holes.next_from(self._end)
        if self._end == 0:
            return adjacent_window(0, largest, stop=stop)
        if largest == 1:
            return single(self._end)
        return self._joining_window(largest, stop) or adjacent_window(self._end, largest, stop=stop)

    def _joining_window(self, largest: int, stop: int | None) -> Window | None:
        """One that begins above the tie in which the rows read end.

        Where there is none: one that begins with it, or else above the last row.
        """
        end, tied = self._end, self._tie.length(self._end)
        is_whole = largest == LARGEST_WINDOW and self._split.is_behind(end)
        above = tied + (1 if self._tie.any_met else 0)
        for need, size in (
            (above, largest),
            (above, LARGEST_FOR_A_TIE if is_whole else largest),
            (tied, largest),
            (1, largest),
        ):
            found = overlapping_window(
                end,
                need + self._back - 1,
                size,
                floor=self._floor,
                stop=stop,
                beyond=self._back == 1,
            )
            if found is not None:
                return found
        return None

    @property
    def is_reading_on(self) -> bool:
        """Whether the window that `next_window` gave is read for its rows.

        False: it is there to prove that nothing moved, or a part of one that failed.
        """
        return not self._is_proving and self._split.is_behind(self._end)

    def coming(self, most: int) -> tuple[Window, ...]:
        """The windows that follow as long as nothing is unexpected, to be read ahead.

        At most half as many as were read in a row just so: what is read beyond the end of the
        list is read for nothing.
        """
        if self.state is not Reading.GOING_ON or self._checking is not None or self._proofs.next:
            return ()
        windows: list[Window] = []
        end, largest = self._end, self._largest
        above = 1 if self._tie.any_met else 0
        need = self._tie.length(end) + above
        for _ in range(min(most, self._steady // 2)):
            plain = self._holes.next_from(end) is None and self._split.is_behind(end)
            window = overlapping_window(end, need, largest, floor=self._floor) if plain else None
            if window is None:
                break
            windows.append(window)
            end, need = window.limit, 1 + above
        return tuple(windows)

    @property
    def _largest(self) -> int:
        """How many rows the server gives at once, in time."""
        return min(self._pages.largest_allowed, self._quick_enough)

    def may_be_smaller(self, window: Window) -> bool:
        """Whether fewer rows can be asked for than this window has, if it is too slow.

        Not where it is asked for again as it was, to prove that nothing moved.
        """
        return not self._is_proving and next_smaller(window) is not None

    @property
    def _is_proving(self) -> bool:
        return self._recheck or self._checking is not None

    @property
    def _is_past_the_split(self) -> bool:
        return self._split.is_behind(self._end) and self._floor < self._end

    # -- what was answered -------------------------------------------------------------------

    def take(self, window: Window, rows: Sequence[Seen]) -> tuple[int, ...]:
        """Take the answer to `window` in; returns the indexes of the rows to store.

        Rows that this listing has already handed out are not returned again. An answer that does
        not overlap is not taken: nothing of it is returned, and the next window steps back.
        """
        ids = [row.id for row in rows]
        self._steady, steady = 0, self._steady
        if self._checking is not None:
            self._check(ids)
            return ()
        if self._recheck:
            self._check_again(window, ids)
            return ()
        if self._is_another_row_behind(window, ids):
            self._forget_assumed()
            return ()
        if self._repeats_the_first(window, ids):
            if len(ids) > window.per_page:
                self._end_unpaged(len(ids))
            else:
                self._recheck = True  # or a row came up above, and this page shows it further down
            return ()
        last_known = max((i for i, key in enumerate(ids) if key in self._tail), default=-1)
        if not self._joins_up(window, rows, last_known):
            return ()
        if len(rows) == window.per_page:
            self._steady = steady + 1
        self._take_in(window, rows, self._first_new(rows, last_known))
        return self._hand_out(rows)

    def _first_new(self, rows: Sequence[Seen], last_known: int) -> int:
        """Where the rows behind the overlap begin: those of its own tie may stand within it."""
        if last_known < 0:
            return 0
        tied = range(tie_around(rows, last_known).first, last_known)
        unread = (i for i in tied if rows[i].id is not None and rows[i].id not in self._read)
        return next(unread, last_known + 1)

    def failed(self, window: Window) -> None:
        """The remote fails on this window for good: split it, or note the hole."""
        self._steady = 0
        if self._checking is not None:
            self._check(None)
        elif self._recheck:
            self._start_over()
        elif self._holes.assumed and window.limit == self._end + 1:
            self._forget_assumed()
        elif window.per_page == 1 and window.offset == self._end:
            self._note_hole()
        else:
            self._split.note_failure(window)
            self._back = 1

    def too_slow(self, window: Window) -> None:
        """This window `may_be_smaller`, and was too slow: from now on fewer rows at once."""
        self._steady = 0
        self._quick_enough = next_smaller(window) or self._quick_enough

    def take_holes(self) -> tuple[HoleRecord, ...]:
        """The holes met since the last call, once it is sure that nothing moved around them."""
        if self.state is Reading.GOING_ON and not self._proofs.is_settled:
            return ()
        return self._holes.take()

    @property
    def resume_point(self) -> ResumePoint:
        """From where an interrupted listing can go on, if all that was handed out is stored."""
        return self._point

    def _joins_up(self, window: Window, rows: Sequence[Seen], last_known: int) -> bool:
        """Whether this answer goes on from what was read; if not, what to ask for instead."""
        ids = [row.id for row in rows]
        if window.offset == 0 and self._end == 0:
            return True
        if window.offset < self._end:
            if last_known < 0:
                self._seek_or_step_back(window, ids)
                return False
            return self._shows_the_tie(window, rows, last_known)
        if rows and self._tie.goes_on_with(rows[0]) and not self._is_tie_at_hole:
            self._tie.cut(self._end)
        if self._pages.can_overlap:
            self._want_proof(window, ids)
            return True
        if not ids and self._stops.knows_all:
            self._conclude(Reading.JOINED)
            return False
        # Pages too small to overlap: nothing behind is checked again, rows behind prove nothing.
        self._recheck = not ids
        self._pages.unproven = self._pages.unproven or bool(ids)
        return bool(ids)

    def _shows_the_tie(self, window: Window, rows: Sequence[Seen], last_known: int) -> bool:
        """Whether no row of the tie in which the overlap ends can stand above the window.

        If one may, the list has moved, or this is the first tie that it shows: look further up.
        Where no window could begin above it, or a hole is there, that is noted, and the listing
        goes on.
        """
        tie = tie_around(rows, last_known)
        if tie.first > 0 or window.offset == 0:
            return True
        begins_at = self._tie.begins_at
        if self._floor < window.offset < begins_at:
            self._step_back()
            return False
        if not self._tie.any_met:
            self._tie.any_met = tie.last > 0
            return not self._tie.any_met
        if self._is_overlap_alone(window, rows):
            return True  # the answer before has shown all of the tie, and the list ends with it
        if self._is_tie_at_hole:
            return True
        if window.offset > begins_at or not self._want_row_above_tie():
            self._tie.cut(self._end)
        return True

    @property
    def _is_tie_at_hole(self) -> bool:
        """Whether the last tie may hold a record that cannot be shown: a gap like that itself.

        So it is in the whole stretch of single rows around that record.
        """
        is_in_its_stretch = self._split.singles_from <= self._floor and self._split.is_in_singles(
            self._end
        )
        return self._floor > 0 and (self._tie.begins_at <= self._floor or is_in_its_stretch)

    def _is_overlap_alone(self, window: Window, rows: Sequence[Seen]) -> bool:
        """Whether a list that seemed to end ends there: nothing new behind a short answer."""
        if self._last is None or len(self._last[1]) == self._last[0].per_page:
            return False
        is_as_expected = window.offset + len(rows) == self._end
        return is_as_expected and all(row.id in self._read for row in rows)

    def _want_row_above_tie(self) -> bool:
        """A window begins just with the tie: the row above must still stand there afterwards."""
        tied = self._tie.length(self._end)
        if tied >= len(self._tail):
            return False
        self._proofs.want(single(self._tie.begins_at - 1), [self._tail[-tied - 1]])
        return True

    def _repeats_the_first(self, window: Window, ids: list[int | None]) -> bool:
        """Whether another page than the first one, the only one so far, holds the same rows."""
        if not ids or window.offset == 0 or self._end != len(ids):
            return False
        return len(self._first_ids) == len(ids) and self._first_ids == frozenset(ids)

    def _end_unpaged(self, rows: int) -> None:
        """All rows come at once, on every page. Is that all that there are?"""
        most, page = CUT_OFF
        if rows < most and rows % page and rows != LARGEST_WINDOW:  # that many were asked for
            self._conclude(Reading.COMPLETE)
        else:
            self._abandon("paging is ignored, the answer may be cut")

    def _want_proof(self, window: Window, ids: list[int | None]) -> None:
        """Windows do not overlap here: what was read has to be read again, in its place."""
        if ids and ids[0] is not None and self._holes.is_neighbour(ids[0]):
            return  # both neighbours stand around the hole, as ever
        if self._tail:
            self._want_tail_again()
        else:
            self._proofs.want_a_row()
        if not self._is_past_the_split:
            self._proofs.want(window, ids)

    def _want_tail_again(self) -> None:
        """The row read last has to be read again: what comes now does not overlap it."""
        if self._tail:
            self._proofs.want(single(self._tail_at), [self._tail[-1]])

    def _check(self, answer: Answer) -> None:
        """What was read is still in its place, and what failed still fails; or begin again."""
        goal = self._checking
        if not self._proofs.check(answer):
            self._holes.forget_learned()
            self._start_over()
        elif self._proofs.next is None:
            self._checking = None
            if goal is not None and goal is not Reading.GOING_ON:
                self._conclude(goal)

    def _take_in(self, window: Window, rows: Sequence[Seen], first_new: int) -> None:
        beyond = rows[first_new:]
        self._stops.note(beyond)
        if beyond:
            self._holes.close(beyond[0].id)
        self._tie.note(window, rows, self._end)
        self._note_tail(window, rows, first_new)
        self._last = (window, [row.id for row in rows])
        if window == Window(page=1, per_page=LARGEST_WINDOW):
            self._first_ids = frozenset(row.id for row in rows)
        if self._has_ended(window, rows, len(beyond)):
            self._finish()
            return
        if self._proofs.is_settled and self._checking is None:
            self._point = self._resume_point()
        self._step_over()
        if self.state is Reading.GOING_ON and self._checking is None:
            self._look_for_the_end(rows, beyond)

    def _look_for_the_end(self, rows: Sequence[Seen], beyond: Sequence[Seen]) -> None:
        is_head_done = self._at_head and self._was_read_before(rows)
        if self._stops.is_below_since(rows) or (is_head_done and self._stops.is_settled(rows)):
            self._finish()
        elif self._split.is_behind(self._end) and self._stops.has_joined_up(rows, beyond):
            if self._pages.left_out or self._tie.any_cut:
                self._finish()
            else:
                self._conclude(Reading.JOINED)

    def _was_read_before(self, rows: Sequence[Seen]) -> bool:
        return bool(rows) and all(row.id in self._before for row in rows)

    def _note_tail(self, window: Window, rows: Sequence[Seen], first_new: int) -> None:
        wanted = self._proofs.wants_a_row or self._holes.are_known
        ids = []
        for index, row in enumerate(rows, window.offset):
            if row.id is None:
                continue
            ids.append(row.id)
            self._tail_at = index
            if wanted and index >= window.offset + first_new:
                self._proofs.note_row(index, row.id)
                self._holes.expect_behind(row.id, index)
        tied = min(self._tie.length(window.offset + len(rows)), LARGEST_FOR_A_TIE)
        self._tail = _last_of((*self._tail, *ids), max(TAIL, tied + 1))

    def _check_again(self, window: Window, ids: list[int | None]) -> None:
        """Pages too small to overlap, and none behind: the last one must still be the same.

        Or the first one came again behind itself: where it has not moved, paging is ignored.
        """
        self._recheck = False
        if self._last is not None and _is_as_it_was(self._last, (window, ids)):
            self._finish()
        else:
            self._start_over()

    def _hand_out(self, rows: Sequence[Seen]) -> tuple[int, ...]:
        handed_out = self._handed_out
        indexes = []
        for index, row in enumerate(rows):
            if row.id is None:
                indexes.append(index)
            elif row.id not in handed_out:
                handed_out.add(row.id)
                indexes.append(index)
        if self._read is not handed_out:
            self._read.update(row.id for row in rows if row.id is not None)
        return tuple(indexes)

    def _has_ended(self, window: Window, rows: Sequence[Seen], beyond: int) -> bool:
        """Advance over an answer; whether it was the end: nothing but overlap, where expected."""
        answered = len(rows)
        # Where nothing moved, the overlap alone ends just where the rows read ended.
        as_expected = window.offset + answered == self._end
        self._end = window.offset + answered
        self._back = 1
        self._steps_back = 0
        may_be_cut = answered >= max(1, self._pages.largest_answer)
        self._pages.note(window, answered, beyond=beyond)
        if answered < window.per_page and beyond == 0 and as_expected and not may_be_cut:
            return True
        fresh = any(row.id is None or row.id not in self._read for row in rows)
        self._pages.note_progress(has_new_rows=fresh)
        if self._pages.lead_nowhere:
            self._abandon("the list does not advance from page to page")
        return False

    # -- holes -------------------------------------------------------------------------------

    @property
    def _above(self) -> int | None:
        return self._tail[-1] if self._tail else None

    def _note_hole(self) -> None:
        """The row at the end of what was read cannot be shown; go on behind it."""
        self._want_tail_again()
        self._proofs.want(single(self._end), None)
        self._holes.note(self._end, self._above)
        self._tie.pass_hole(self._split.singles_from)
        self._end += 1
        self._floor = self._end
        self._step_over()

    def _step_over(self) -> None:
        """Pass the known holes that stand just here."""
        end = self._holes.step_over(self._end, self._above)
        if end > self._end:
            self._tie.pass_hole(self._split.singles_from)
            self._end = self._floor = end
        if self._holes.is_too_many:
            self.state = Reading.REFUSED

    def _is_another_row_behind(self, window: Window, ids: list[int | None]) -> bool:
        """Whether a hole was stepped over where, by its lower neighbour, it no longer is."""
        if not self._holes.assumed or window.offset != self._end:
            return False
        return self._holes.is_another_row(ids[0] if ids else None)

    def _forget_assumed(self) -> None:
        """Begin again without them: a row that can be read may stand where they were."""
        self._forgotten += 1
        if self._forgotten > MAX_FORGOTTEN:
            self._abandon("the list moved too much while it was read")
            return
        self._holes.forget_assumed()
        self._holes.begin()
        self._start_at_the_head()

    # -- the end, and other ways out ---------------------------------------------------------

    def _finish(self) -> None:
        is_tie_cut = self._tie.any_cut
        if self._resumed and (self._pages.left_out or self._pages.unproven or is_tie_cut):
            self._start_over()  # what the interrupted listing thought of the pages may be wrong
        elif self._pages.unproven:
            self._abandon("the pages are too small to show that they join up")
        elif self._pages.left_out:
            self._abandon("a page in the middle came back short: the remote left records out")
        elif is_tie_cut:
            self._abandon("more tests end at the same time than one page shows, in no sure order")
        else:
            self._conclude(Reading.COMPLETE)

    def _conclude(self, goal: Reading) -> None:
        """The listing has come to its end, once nothing is left to be checked."""
        if self._proofs.next is not None:
            self._checking = goal
            return
        self._holes.close(None)
        if goal is Reading.COMPLETE and self._resumed:
            self._read_the_head_again()
        else:
            self.state = goal

    def _read_the_head_again(self) -> None:
        """A resumed listing: what came up above meanwhile has to join up with what was read."""
        self._before = self._before | self._read
        self._resumed, self._at_head = False, True
        self._holes.begin_again_at_the_head()
        self._start_at_the_head()
        self._point = self._resume_point()

    def _seek_or_step_back(self, window: Window, ids: list[int | None]) -> None:
        is_above = self._resumed and bool(ids) and ids[-1] in self._before
        if is_above and self._seeks < MAX_SEEKS:
            # Much was inserted since the interruption: what was read last stands further down.
            self._seeks += 1
            self._end = window.offset + len(ids)
            self._tie = self._tie.at(self._end)
            self._floor = 0
        else:
            self._step_back()

    def _step_back(self) -> None:
        self._steps_back += 1
        self._back *= 4
        if self._steps_back > MAX_STEPS_BACK or self._back >= self._end - self._floor:
            self._start_over()

    def _start_over(self) -> None:
        if self._starts < MAX_STARTS:
            self._starts += 1
            self._resumed = False
            self._holes.begin()
            self._start_at_the_head()
        else:
            self._abandon("the list moved too much while it was read")

    def _abandon(self, why: str) -> None:
        self.state = Reading.ABANDONED
        self.why_abandoned = why

    def _resume_point(self) -> ResumePoint:
        return ResumePoint(
            at_head=self._at_head,
            ordered=self.ordered,
            end=self._end,
            tail=self._tail,
            tail_at=self._tail_at,
            tied=max(1, self._end - self._tie.begins_at),
            floor=self._floor,
            largest_allowed=self._pages.largest_allowed,
            largest_answer=self._pages.largest_answer,
            left_out=self._pages.left_out,
            proven=not self._pages.unproven,
            cut_tie=self._tie.any_cut,
        )


def _is_as_it_was(
    before: tuple[Window, list[int | None]], now: tuple[Window, list[int | None]]
) -> bool:
    """The same rows; those that end at the same time may have changed places."""
    return before[0] == now[0] and Counter(before[1]) == Counter(now[1])


def _last_of(ids: Sequence[int], most: int) -> tuple[int, ...]:
    """The last ids, each once, where it stands last."""
    return tuple(reversed(tuple(dict.fromkeys(reversed(ids)))[:most]))
