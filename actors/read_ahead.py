"""Windows of a list that are asked for before their turn, by workers that have no product left.

It changes when a window is read, never what is made of it: the product's own worker takes the
answers in their order, and its listing checks that they join up, as ever (rule 5). What does not
come as planned is dropped and asked for again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from rules.listing.windows import Window
from rules.records import TestRecord
from testio.errors import TestioError
from testio.payloads import Rows

log = structlog.get_logger(__name__)

LOOK_UP_SECONDS = 0.25
"""How often who waits here looks whether the run is over."""

Fetch = Callable[[Window], Rows[TestRecord]]


class _Stage(Enum):
    WAITING = auto()
    ASKED = auto()
    READY = auto()
    DROPPED = auto()


@dataclass(slots=True)
class _Errand:
    window: Window
    fetch: Fetch
    stage: _Stage = _Stage.WAITING
    read: Rows[TestRecord] | None = None


class ReadAhead:
    """What the owners of products want read, and the helpers that read it. Thread-safe.

    Bounded: for each helper of its share a product has two windows here, and one more, so that
    none has to wait for the next one.
    """

    def __init__(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """`is_over`: whether the run has ended or is being cancelled."""
        self._is_over = is_over
        self._changed = threading.Condition()
        self._errands: deque[_Errand] = deque()
        self._helpers = 0
        self._owners = 0
        self._generation = 0
        self._closed = False

    def open(self, fetch: Fetch) -> Lookahead:
        """For one product; `fetch` asks for a window, on any thread."""
        with self._changed:
            self._owners += 1
        return Lookahead(self, fetch)

    @property
    def share(self) -> int:
        """How many windows one product may have read ahead now."""
        with self._changed:
            return 2 * self._helpers // max(1, self._owners) + 1 if self._helpers else 0

    def serve(self) -> None:
        """Read what is wanted until the helpers are called back; runs on a helper's thread."""
        with self._changed:
            self._helpers += 1
            generation = self._generation
        try:
            while (errand := self._next(generation)) is not None:
                self._run(errand)
        finally:
            with self._changed:
                self._helpers -= 1

    def call_back(self) -> None:
        """The helpers are wanted elsewhere: each ends with the request it has sent."""
        with self._changed:
            self._generation += 1
            self._changed.notify_all()

    def close(self) -> None:
        """The phase has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, errands: Sequence[_Errand]) -> None:
        with self._changed:
            self._errands.extend(errands)
            self._changed.notify_all()

    def _drop(self, errands: Iterable[_Errand]) -> None:
        """What nobody has begun is not begun any more."""
        with self._changed:
            for errand in errands:
                if errand.stage is _Stage.WAITING:
                    errand.stage = _Stage.DROPPED

    def _answer(self, errand: _Errand) -> Rows[TestRecord] | None:
        """What a helper has read; waited for while one is at it and the run goes on."""
        self._drop((errand,))
        with self._changed:
            while errand.stage is _Stage.ASKED and not self._is_over():
                self._changed.wait(LOOK_UP_SECONDS)
            return errand.read

    def _leave(self) -> None:
        with self._changed:
            self._owners -= 1

    def _next(self, generation: int) -> _Errand | None:
        """The next thing to do, waited for; None when there will be nothing any more."""
        with self._changed:
            while not self._closed and generation == self._generation and not self._is_over():
                while self._errands:
                    errand = self._errands.popleft()
                    if errand.stage is _Stage.WAITING:
                        errand.stage = _Stage.ASKED
                        return errand
                self._changed.wait(LOOK_UP_SECONDS)
            return None

    def _run(self, errand: _Errand) -> None:
        read = None
        try:
            read = errand.fetch(errand.window)
        except TestioError as error:
            # The owner asks again, with all its patience, and decides what it means.
            log.debug("window_not_read_ahead", window=str(errand.window), error=str(error))
        finally:
            with self._changed:
                errand.read, errand.stage = read, _Stage.READY
                self._changed.notify_all()


class Lookahead:
    """One product's windows. Its worker owns it; the helpers never touch it."""

    def __init__(self, read_ahead: ReadAhead, fetch: Fetch) -> None:
        self._read_ahead = read_ahead
        self._fetch = fetch
        self._planned: dict[Window, _Errand] = {}

    @property
    def share(self) -> int:
        """How many windows may be planned."""
        return self._read_ahead.share

    def plan(self, windows: Sequence[Window]) -> None:
        """Have these read, in this order. All that was planned otherwise is dropped."""
        if not windows and not self._planned:
            return
        self._drop_all_but(frozenset(windows))
        new = [_Errand(window, self._fetch) for window in windows if window not in self._planned]
        self._planned |= {errand.window: errand for errand in new}
        self._read_ahead._add(new)

    def take(self, window: Window) -> Rows[TestRecord] | None:
        """The answer, waited for if it is on its way; None if the owner has to ask."""
        errand = self._planned.pop(window, None)
        return None if errand is None else self._read_ahead._answer(errand)

    def close(self) -> None:
        """The product needs nothing any more."""
        self._drop_all_but(frozenset())
        self._read_ahead._leave()

    def _drop_all_but(self, windows: frozenset[Window]) -> None:
        gone = [planned for planned in self._planned if planned not in windows]
        self._read_ahead._drop([self._planned.pop(window) for window in gone])
