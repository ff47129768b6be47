"""Being polite to the remote: rate, the shared "not before", the breaker, the retry budget.

The gate and the breaker are ours because none of the libraries tried holds them the way a pool of
workers needs: pybreaker keeps its lock during the call, circuitbreaker lets every caller through
when half open, and urllib3's Retry knows nothing of the other workers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import structlog
from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate, SingleBucketFactory

from rules.diagnosis.catalogue import CATALOGUE
from rules.diagnosis.codes import Code
from rules.model import BreakerState
from testio.cancellation import Cancellation
from testio.errors import RemoteDown
from testio.room import LargeLists

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.05


class RetryBudget:
    """How many retries one run may still make. Thread-safe."""

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Use one retry up; False when none is left."""
        with self._lock:
            if self._left <= 0:
                return False
            self._left -= 1
            return True


class Attempts:
    """How many attempts of one run have come back, answered or not. Thread-safe."""

    def __init__(self) -> None:
        self._ended = 0
        self._lock = threading.Lock()

    def note(self) -> None:
        """One more has come back."""
        with self._lock:
            self._ended += 1

    @property
    def ended(self) -> int:
        """All so far. While this grows, the run is not stuck."""
        with self._lock:
            return self._ended


class Retried:
    """What was tried again for one product, and why: for those who look on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times, self._because = 0, ""

    def note(self, because: str) -> None:
        """An attempt has failed, and is made again."""
        with self._lock:
            self._times, self._because = self._times + 1, because

    def so_far(self) -> tuple[int, str]:
        """How often, and why the last time."""
        with self._lock:
            return self._times, self._because


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestScope:
    """What all requests of one run share: its end, its retry budget, and their count.

    `large`: what the answers take up until the run, or the part of it, has written them.
    """

    cancellation: Cancellation = field(default_factory=Cancellation)
    retries: RetryBudget = field(default_factory=lambda: RetryBudget(100))
    attempts: Attempts = field(default_factory=Attempts)
    large: LargeLists = field(default_factory=LargeLists)
    retried: Retried = field(default_factory=Retried)

    def part(self) -> RequestScope:
        """For one of the run's products: with an end and lists of its own, all else shared."""
        own = self.cancellation.part()
        return replace(self, cancellation=own, large=LargeLists(), retried=Retried())

    def release(self, part: RequestScope) -> None:
        """The part has done its work."""
        self.cancellation.release(part.cancellation)
        part.large.let_go()


class RateLimit:
    """At most so many attempts a second, over all workers. 0 means no limit. Thread-safe."""

    def __init__(self, per_second: int) -> None:
        self.per_second = 0
        self._bucket: _Bucket | None = None
        self.change(per_second)

    def change(self, per_second: int) -> None:
        """From now on so many. Who waits by the old limit waits by the new one."""
        if per_second == self.per_second:
            return  # a new bucket would be an empty one
        self.per_second = per_second
        self._bucket = _Bucket(per_second) if per_second > 0 else None

    def wait(self, cancellation: Cancellation) -> None:
        """Wait for this attempt's turn. Raises Cancelled."""
        while (bucket := self._bucket) is not None and not bucket.take():
            cancellation.sleep(POLL_SECONDS)


class _Bucket:
    def __init__(self, per_second: int) -> None:
        self._bucket = InMemoryBucket([Rate(per_second, Duration.SECOND)])
        # No background thread: each attempt lets the bucket leak instead.
        factory = SingleBucketFactory(self._bucket, schedule_leak=False)
        self._limiter = Limiter(factory)

    def take(self) -> bool:
        """Use one attempt up; False when none is left just now."""
        if self._limiter.try_acquire("remote", blocking=False):
            return True
        self._bucket.leak(int(self._bucket.now()))  # type: ignore[no-untyped-call]
        return False


class RetryAfterGate:
    """The instant before which nobody sends, named by a 429 or 503 with `Retry-After`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before = 0.0

    def close_for(self, seconds: float) -> None:
        """Park everybody for `seconds` from now; never shortens a longer wait."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """How long nobody sends yet; 0 when the gate is open."""
        with self._lock:
            return max(0.0, self._not_before - time.monotonic())

    def wait(self, cancellation: Cancellation) -> None:
        """Wait until the gate is open. Raises Cancelled."""
        while (left := self.seconds_left) > 0:
            cancellation.sleep(left)


class Slots:
    """At most so many requests under way at once, whoever sends them. Thread-safe."""

    def __init__(self, slots: int) -> None:
        self._changed = threading.Condition()
        self._taken = 0
        self.size = slots

    def resize(self, slots: int) -> None:
        """From now on so many; with fewer, those under way end first."""
        with self._changed:
            self.size = slots
            self._changed.notify_all()

    @contextmanager
    def taken(self, cancellation: Cancellation) -> Iterator[None]:
        """Hold a slot, after waiting for one. Raises Cancelled."""
        while not self._take():
            cancellation.check()
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()

    def _take(self) -> bool:
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken < self.size, POLL_SECONDS):
                return False
            self._taken += 1
            return True


class Breaker:
    """Stops sending while the whole remote fails, so that an outage costs a handful of requests.

    It opens when `threshold` different paths have failed with no success in between: one failing
    product, however often retried, is one path. Open, it lets single probes through after growing
    pauses; during the first `patience` seconds other paths wait for their result, after that they
    fail at once. Any success closes it.

    A path that was asked for too much at once (`too_slow`) counts as well, but may be asked for
    less: it waits for probes however long they take, and after one of its own it is next. So ten
    large pages that are slow at the same time cost one request more, and a remote that hangs
    altogether costs each worker one request, and then one in each size.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        patience: float = 10.0,
        first_pause: float = 1.0,
        longest_pause: float = 30.0,
    ) -> None:
        self._threshold = threshold
        self._patience = patience
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._slow: set[str] = set()
        self._last_failure = ""
        self._close()

    def _close(self) -> None:
        self._failing.clear()
        self._slow.clear()
        self._opened_at: float | None = None
        self._pause = self._first_pause
        self._probe_at = 0.0
        self._probe: str | None = None
        self._next_probe: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests are held back now."""
        return self._opened_at is not None

    def state(self) -> tuple[BreakerState, float, str]:
        """Open or closed, for how many seconds it has been open, and the failure met last."""
        with self._lock:
            if self._opened_at is None:
                return BreakerState.CLOSED, 0.0, self._last_failure
            return BreakerState.OPEN, time.monotonic() - self._opened_at, self._last_failure

    def admit(self, path: str, cancellation: Cancellation) -> None:
        """Wait for leave to send. Raises RemoteDown or Cancelled."""
        while not self._may_send(path):
            cancellation.sleep(POLL_SECONDS)

    def _may_send(self, path: str) -> bool:
        with self._lock:
            if self._opened_at is None:
                return True
            now = time.monotonic()
            patient = bool(self._slow) or now < self._opened_at + self._patience
            fresh = path not in self._failing
            is_time = now >= self._probe_at or path == self._next_probe
            if self._probe is None and is_time and (fresh or not patient):
                self._probe = path
                return True
            if patient and fresh:
                return False
            raise RemoteDown(f"not asked: the remote has just failed ({self._last_failure})")

    def succeeded(self) -> None:
        """The remote answered: whatever was wrong is over, or is that one path's own trouble."""
        with self._lock:
            was_open, opened_at = self._opened_at is not None, self._opened_at or 0.0
            if self._failing or self._slow or was_open:
                self._close()
        if was_open:
            log.warning("remote_is_back", open_seconds=round(time.monotonic() - opened_at, 3))

    def failed(self, path: str, why: object = "no answer") -> None:
        """The remote did not answer, or answered 5xx."""
        with self._lock:
            opens = self._note_failure(path, why)
        self._tell_of_opening(opens)

    def too_slow(self, path: str, why: object = "no answer") -> None:
        """The remote did not answer in time, and will be asked for less at once."""
        with self._lock:
            if self._opened_at is not None and not self._slow:
                self._note_failure(path, why)
                return
            self._last_failure = str(why)
            self._slow.add(path)
            self._next_probe = path if self._probe == path else self._next_probe
            opens = self._count(path)
        self._tell_of_opening(opens)

    def _tell_of_opening(self, opens: bool) -> None:
        if opens:
            action = CATALOGUE[Code.BREAKER_OPEN].action_with()
            log.error("remote_fails", error=self._last_failure, advice=action)

    def _note_failure(self, path: str, why: object) -> bool:
        self._last_failure = str(why)
        self._failing.add(path)
        if self._opened_at is not None and self._probe == path:
            self._failing |= self._slow  # asking for less is no help either
            self._slow.clear()
        return self._count(path)

    def _count(self, path: str) -> bool:
        """One failure more; whether requests are held back from now on."""
        now = time.monotonic()
        if self._opened_at is None:
            if len(self._failing | self._slow) >= self._threshold:
                self._opened_at = now
                self._probe_at = now + self._pause
                return True
        elif self._probe == path:
            self._probe = None
            self._pause = min(self._pause * 2, self._longest_pause)
            self._probe_at = now + self._pause
        return False

    def gave_up(self, path: str) -> None:
        """The attempt ended without telling anything of the remote (it was cancelled)."""
        with self._lock:
            if self._probe == path:
                self._probe = None
