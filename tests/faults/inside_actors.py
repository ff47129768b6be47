"""Crashes actors in the real daemon, at one message: named in `Trial.start(..., inside=...)`.

Nothing happens until the file `armed` is there; who crashes removes it. So a fault sees that the
crash has been, and it is one crash however many actors could have been meant.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from actors.base import BaseActor

WAYS: dict[str, type[BaseException]] = {"RuntimeError": RuntimeError, "SystemExit": SystemExit}
MOMENTS = ("before", "after")


def crash_at(role: str, message: str, way: str, moment: str, armed: str) -> None:
    """The first `role` that gets such a `message` raises, before or after it has acted on it."""
    error = WAYS[way]

    def guarded(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def crashing(given: Any) -> Any:
            is_meant = type(given).__name__ == message and disarmed(armed)
            if is_meant and moment == "before":
                raise error("a fault")
            answer = handle(given)
            if is_meant:
                raise error("a fault")
            return answer

        return crashing

    _in_new_actors(role, guarded)


def crash_always(role: str, message: str, armed: str) -> None:
    """Each `role` crashes at each such message, as long as the file is there."""

    def guarded(handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def crashing(given: Any) -> Any:
            if type(given).__name__ == message and os.path.exists(armed):
                raise RuntimeError("a fault")
            return handle(given)

        return crashing

    _in_new_actors(role, guarded)


def role_of(name: str) -> str:
    """Workers are many, and one role here."""
    return "worker" if name.startswith("worker-") else name


def _in_new_actors(
    role: str, guarded: Callable[[Callable[[Any], Any]], Callable[[Any], Any]]
) -> None:
    init = BaseActor.__init__

    def patched(self: BaseActor, **given: Any) -> None:
        init(self, **given)
        if role_of(self.role) == role:
            setattr(self, "handle", guarded(self.handle))  # noqa: B010 (it is a method)

    BaseActor.__init__ = patched  # type: ignore[method-assign]


_lock = threading.Lock()


def disarmed(armed: str) -> bool:
    """Whether it was armed, and this is the one to crash."""
    with _lock:
        try:
            os.unlink(armed)
        except FileNotFoundError:
            return False
        return True
