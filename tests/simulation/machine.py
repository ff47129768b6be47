"""A machine with simulated threads and a simulated clock, on one thread of the real one.

Each simulated thread is a greenlet. Where it would block, and where it tells another something,
the machine chooses by its seed who goes on. Time stands still while anybody can go on, but for
stalls; then it jumps to the next moment for which somebody waits. So a life of hours takes
milliseconds, and the same seed gives the same life.
"""

from __future__ import annotations

import heapq
import itertools
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from greenlet import GreenletExit, greenlet

MOST_STEPS = 50_000


class Stuck(AssertionError):
    """Nobody can go on, and nobody waits for a moment to come; or nobody ever rests."""


class Wrong(AssertionError):
    """A rule was broken."""


@dataclass(eq=False, slots=True)
class Task:
    """One simulated thread. `wake_at` None: only another one can wake it. `woken`: one has."""

    name: str
    green: greenlet
    waits_for: str = "its turn"
    wake_at: float | None = None
    waiting: bool = False
    woken: bool = False
    lazy: bool = False
    failure: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.green.dead)


class Machine:
    """Runs simulated threads until the first one ends. Not thread-safe: it is the only thread.

    `restless`: how often somebody is made to wait where it tells another something. `stalls`, which
    may be changed: how often the whole machine stands still for some seconds, though there is work.
    """

    def __init__(self, seed: object, *, restless: float = 0.2) -> None:
        self.now = 1000.0
        self.steps = 0
        self.trace: list[tuple[float, str, object]] = []
        self.tasks: list[Task] = []
        self.observers: list[Callable[[str, Any], None]] = []
        self._wrong: str | None = None
        self._order = random.Random(f"{seed}/order")
        self._restless = restless
        self.stalls = 0.0
        self._ready: list[Task] = []
        self._timers: list[tuple[float, int, Task]] = []
        self._numbers = itertools.count()
        self._names: dict[str, int] = {}
        self._hub = greenlet.getcurrent()
        self._current: Task | None = None

    # -- what simulated threads do -------------------------------------------------------------

    @property
    def current(self) -> Task:
        """The simulated thread that runs now."""
        assert self._current is not None, "this waits, and is not on a simulated thread"
        return self._current

    def note(self, what: object) -> None:
        """Put something into the trace."""
        name = "nobody" if self._current is None else self._current.name
        self.trace.append((self.now, name, what))
        for observer in self.observers:
            observer(name, what)

    def block(self, waits_for: str, timeout: float | None = None) -> bool:
        """Wait until another one wakes this task; False if `timeout` seconds went by before."""
        task = self.current
        task.waits_for, task.waiting, task.woken = waits_for, True, False
        task.wake_at = None
        if timeout is not None:
            task.wake_at = self.now + max(0.0, timeout)
            heapq.heappush(self._timers, (task.wake_at, next(self._numbers), task))
        self._hub.switch()
        return task.woken

    def wake(self, task: Task) -> None:
        """Let a task go on, if it waits."""
        if task.waiting:
            task.waiting, task.woken, task.wake_at = False, True, None
            self._ready.append(task)

    def pause(self) -> None:
        """Perhaps let others go first."""
        if self._current is not None and self._order.random() < self._restless:
            self._current.waits_for = "its turn"
            self._ready.append(self._current)
            self._hub.switch()

    def sleep(self, seconds: float) -> None:
        """Let so much simulated time go by."""
        self.block(f"{seconds:g} s to go by", seconds)

    def spawn(self, name: str, run: Callable[[], object]) -> Task:
        """One simulated thread more; it begins when its turn comes."""
        count = self._names[name] = self._names.get(name, 0) + 1
        green = greenlet(self._guarded(run), parent=self._hub)
        task = Task(name if count == 1 else f"{name}#{count}", green)
        task.lazy = self._order.random() < 0.15
        self.tasks.append(task)
        self._ready.append(task)
        return task

    def _guarded(self, run: Callable[[], object]) -> Callable[[], None]:
        def body() -> None:
            try:
                run()
            except GreenletExit:
                pass
            except BaseException as error:
                self.current.failure = error

        return body

    def fail(self, why: str) -> None:
        """End the life here: something happened that must not happen."""
        self._wrong = self._wrong or why

    # -- the machine ---------------------------------------------------------------------------

    def run(self, main: Callable[[], object]) -> None:
        """Run until `main` has ended; raises what it raised, and Stuck."""
        task = self.spawn("main", main)
        try:
            while not task.done:
                self._step()
        finally:
            self.end()

    def end(self) -> None:
        """Throw away what has not ended."""
        for task in self.tasks:
            while not task.done:
                self._current = task
                task.green.throw(GreenletExit)
        self._current = None

    @property
    def unfinished(self) -> list[str]:
        """The names of the tasks that have not ended, but for the one that asks."""
        return [task.name for task in self.tasks if not task.done and task is not self._current]

    def _step(self) -> None:
        self.steps += 1
        if self._wrong is not None:
            raise Wrong(self._wrong)
        if self.steps > MOST_STEPS:
            raise Stuck(f"no rest after {MOST_STEPS} steps\n{self.dump()}")
        if not self._ready:
            self._jump()
        elif self.stalls and self._order.random() < self.stalls:
            self.note("the machine stalls")
            self.now += self._order.choice((0.3, 1.5, 6.0))
        self._ring()
        if self._ready:
            self._go_on(self._next())

    def _next(self) -> Task:
        ready = self._ready
        at = self._order.randrange(len(ready))
        if ready[at].lazy and len(ready) > 1:
            at = self._order.randrange(len(ready))
        ready[at], ready[-1] = ready[-1], ready[at]
        return ready.pop()

    def _go_on(self, task: Task) -> None:
        self._current = task
        task.green.switch()
        self._current = None
        if task.failure is not None:
            raise task.failure

    def _jump(self) -> None:
        """Nobody can go on: it is the next moment that somebody waits for."""
        while self._timers and not self._rings(self._timers[0]):
            heapq.heappop(self._timers)
        if not self._timers:
            raise Stuck(f"everybody waits for somebody else\n{self.dump()}")
        self.now = max(self.now, self._timers[0][0])

    def _rings(self, timer: tuple[float, int, Task]) -> bool:
        at, _, task = timer
        return task.waiting and task.wake_at == at

    def _ring(self) -> None:
        while self._timers and self._timers[0][0] <= self.now:
            timer = heapq.heappop(self._timers)
            if self._rings(timer):
                timer[2].waiting, timer[2].wake_at = False, None
                self._ready.append(timer[2])

    def dump(self) -> str:
        """Who waits for what, and where."""
        lines = [f"at {self.now:.3f} s, after {self.steps} steps:"]
        for task in self.tasks:
            if task.done:
                continue
            until = "" if task.wake_at is None else f" or {task.wake_at:.3f} s"
            lines.append(f"  {task.name} waits for {task.waits_for}{until}")
            frame: Any = task.green.gr_frame
            if frame is not None:
                places = [
                    f"{place.filename.rsplit('/', 2)[-2]}/{place.name}:{place.lineno}"
                    for place in traceback.extract_stack(frame)
                    if "/simulation/" not in place.filename
                ]
                lines.append(f"    in {' > '.join(places[-5:])}")
        return "\n".join(lines)
