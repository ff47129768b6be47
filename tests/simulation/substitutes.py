"""`threading`, `queue` and `time` as the actors see them on a simulated machine.

The modules of the actors and of pykka get these in the place of the standard library's, so all
of their own code runs as it is. What is not here is not simulated, and using it fails.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pykka import ActorRegistry

from tests.simulation.machine import Machine, Task

REAL = {"threading": threading, "queue": queue, "time": time}
SIMULATED = (
    *("actors.", "config.threads", "pykka._actor", "pykka._threading"),
    *("testio.cancellation", "testio.limits"),
)


class Lock:
    """`threading.Lock` and `RLock`."""

    machine: Machine

    def __init__(self) -> None:
        self._owner: Task | None = None
        self._held = 0
        self._queue: deque[Task] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Wait for it, without a limit."""
        me = self.machine._current
        while self._owner is not None and self._owner is not me:
            self._queue.append(self.machine.current)
            self.machine.block("a lock")
        self._owner = me
        self._held += 1
        return True

    def release(self) -> None:
        """Let the next one have it."""
        self._held -= 1
        if self._held <= 0:
            self._owner = None
            if self._queue:
                self.machine.wake(self._queue.popleft())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Condition:
    """`threading.Condition`."""

    machine: Machine
    lock_class: type[Lock]

    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = self.lock_class() if lock is None else lock
        self._waiting: list[Task] = []

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait to be notified."""
        me, held = self.machine.current, self._lock._held
        self._waiting.append(me)
        self._lock._held = 1
        self._lock.release()
        notified = self.machine.block("a condition", timeout)
        if me in self._waiting:
            self._waiting.remove(me)
        self._lock.acquire()
        self._lock._held = held
        return notified

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until it holds."""
        give_up_at = None if timeout is None else self.machine.now + timeout
        while not (holds := predicate()):
            left = None if give_up_at is None else give_up_at - self.machine.now
            if left is not None and left <= 0:
                break
            self.wait(left)
        return holds

    def notify(self, n: int = 1) -> None:
        """Wake the first ones that wait."""
        for task in self._waiting[:n]:
            self._waiting.remove(task)
            self.machine.wake(task)

    def notify_all(self) -> None:
        """Wake all."""
        self.notify(len(self._waiting))


class Event:
    """`threading.Event`."""

    machine: Machine

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        """Whether it is."""
        return self._is_set

    def set(self) -> None:
        """For good."""
        self._is_set = True
        waiting, self._waiting = self._waiting, []
        for task in waiting:
            self.machine.wake(task)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it."""
        if not self._is_set:
            me = self.machine.current
            self._waiting.append(me)
            self.machine.block("an event", timeout)
            if me in self._waiting:
                self._waiting.remove(me)
        return self._is_set


class Thread:
    """`threading.Thread`. One that carries an actor has the name of the actor's role."""

    machine: Machine
    event_class: type[Event]

    def __init__(
        self, target: Callable[[], object], name: str = "thread", daemon: bool = False
    ) -> None:
        actor = getattr(target, "__self__", None)
        self.name = getattr(actor, "role", name)
        self.daemon = daemon
        self._target = target
        self._ended = self.event_class()

    def start(self) -> None:
        """It begins when its turn comes."""
        self.machine.spawn(self.name, self._run)

    def _run(self) -> None:
        try:
            self._target()
        finally:
            self._ended.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        self._ended.wait(timeout)


class SimpleQueue:
    """`queue.SimpleQueue`: the inbox of an actor. What is taken out stands in the trace."""

    machine: Machine

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._waiting: Task | None = None

    def put(self, item: Any) -> None:
        """Put it in; then others may go first."""
        self._items.append(item)
        if self._waiting is not None:
            self.machine.wake(self._waiting)
            self._waiting = None
        self.machine.pause()

    def get(self) -> Any:
        """Wait for the next one, in order."""
        if self._items:
            self.machine.pause()
        while not self._items:
            self._waiting = self.machine.current
            self.machine.block("a message")
        item = self._items.popleft()
        self.machine.note(item.message)
        return item

    def empty(self) -> bool:
        """Whether nothing is in it."""
        return not self._items

    def qsize(self) -> int:
        """How many are in it."""
        return len(self._items)


class _Module:
    """Stands in for a module; has what is simulated and no more."""

    def __init__(self, **names: object) -> None:
        self.__dict__ |= names


def modules_of(machine: Machine) -> dict[str, Any]:
    """The stand-ins for `threading`, `queue` and `time` on this machine."""

    def bound(kind: type, **more: object) -> type:
        return type(kind.__name__, (kind,), {"machine": machine, **more})

    lock, event = bound(Lock), bound(Event)
    return {
        "threading": _Module(
            Lock=lock,
            RLock=lock,
            Condition=bound(Condition, lock_class=lock),
            Event=event,
            Thread=bound(Thread, event_class=event),
        ),
        "queue": _Module(SimpleQueue=bound(SimpleQueue), Queue=bound(SimpleQueue), Full=queue.Full),
        "time": _Module(monotonic=lambda: machine.now, sleep=machine.sleep),
    }


@contextmanager
def simulated(machine: Machine) -> Iterator[None]:
    """Within the block the modules of the actors and of pykka are on this machine."""
    stand_ins = modules_of(machine)
    changed = [
        (module.__dict__, name)
        for module_name, module in sorted(sys.modules.items())
        if module_name.startswith(SIMULATED)
        for name, real in REAL.items()
        if module.__dict__.get(name) is real
    ]
    try:
        for names, name in changed:
            names[name] = stand_ins[name]
        yield
    finally:
        for names, name in changed:
            names[name] = REAL[name]
        for ref in ActorRegistry.get_all():
            ActorRegistry.unregister(ref)
