"""How fast a counter goes: its differences over the last seconds."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 5.0


class Rate:
    """The speed of one counter. Times are seconds on any clock that only goes forward."""

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window = window_seconds
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, at: float, value: float) -> None:
        """The counter stands at `value`. One that goes back has begun anew, and so does this."""
        if self._samples and value < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((at, value))
        while len(self._samples) > 2 and at - self._samples[1][0] >= self._window:
            self._samples.popleft()

    def forget(self) -> None:
        """The counter is another one from now on."""
        self._samples.clear()

    @property
    def per_second(self) -> float | None:
        """The mean speed over the window; None until two values are known."""
        if len(self._samples) < 2:
            return None
        (begin, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - begin) if end > begin else None
