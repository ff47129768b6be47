"""What all actors share: dispatch that survives anything, and telling that never raises.

Measured with pykka 4.5: an exception under `tell` kills the actor and silently drops what is in
its inbox, under `ask` it goes to the asker and the actor lives on in an unknown state; SystemExit
in one actor stops all of them; `tell` to a dead one raises in the teller. Hence this file.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, ClassVar

import pykka
import structlog

from actors.messages import ActorCrashed, Ref
from config.secrets import REDACTOR
from config.threads import NoThread, is_no_thread

log = structlog.get_logger(__name__)


class NoAnswer(Exception):
    """An actor that was asked is gone, or did not answer in time."""


class HandlerFailed(Exception):
    """An actor's handler failed; the cause is chained. Ends the actor without taking others."""


class NotHandled(HandlerFailed):
    """The actor had crashed before it came to this message: another one may have it."""


def safe_tell(ref: Ref | None, message: object) -> str | None:
    """Tell, if there is somebody; returns the urn of the actor told, None if it is gone."""
    if ref is None:
        return None
    try:
        ref.tell(message)
    except pykka.ActorDeadError:
        return None
    return ref.actor_urn


class Address:
    """Where the actor of one role is reached, whichever one that is now. Thread-safe.

    A pykka ref cannot be restarted, so a replacement has a new one; addresses stay.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self._changed = threading.Condition()
        self._ref: Ref | None = None
        self._missing_because: str | None = None

    @property
    def ref(self) -> Ref | None:
        """The actor there now; None before the first and after the last one."""
        with self._changed:
            return self._ref

    @property
    def missing_because(self) -> str | None:
        """Why nobody could be started for the role; None where that is not so."""
        with self._changed:
            return self._missing_because

    def bind(self, ref: Ref | None, *, because: str | None = None) -> None:
        """From now on the role is filled by this actor, or by nobody, `because` none can be."""
        with self._changed:
            self._ref = ref
            self._missing_because = because
            self._changed.notify_all()

    def tell(self, message: object) -> str | None:
        """Tell the actor there now; returns its urn, None if nobody is there. Never raises."""
        return safe_tell(self.ref, message)

    def ask(self, message: object, *, timeout: float, again: bool = True) -> Any:
        """Ask from outside or from above; waits for a replacement too. Raises NoAnswer.

        What an actor that died has never acted on is asked `again` of the one in its place.
        """
        give_up_at, dead = time.monotonic() + timeout, None
        while True:
            ref = self._other_than(dead, give_up_at - time.monotonic())
            if ref is None:
                because = self.missing_because
                raise NoAnswer(f"there is no {self.role}{f': {because}' if because else ''}")
            try:
                return ref.ask(message, timeout=max(0.0, give_up_at - time.monotonic()))
            except (pykka.ActorDeadError, NotHandled) as error:
                if not again:
                    raise self._no_answer(error) from error
                dead = ref
            except (pykka.Timeout, HandlerFailed) as error:
                raise self._no_answer(error) from error

    def _other_than(self, dead: Ref | None, seconds: float) -> Ref | None:
        """The actor there, waited for; None if there is none, or only the dead one.

        One that cannot be started is not waited for: nobody knows for how long.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._ref not in (None, dead) or self._missing_because is not None,
                max(0.0, seconds),
            )
            return None if self._ref is dead else self._ref

    def _no_answer(self, error: Exception) -> NoAnswer:
        return NoAnswer(f"the {self.role} did not answer: {type(error).__name__}")


class BaseActor(pykka.ThreadingActor):
    """An actor with a role, whose crash is always reported to the Supervisor.

    Runs on a thread of its own, a daemon thread: what does not end in time is left behind.
    Subclasses define `handle`, complete for their message type. Whatever it raises, SystemExit
    included, is reported and ends this actor alone; what was left in its inbox is dropped.
    """

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, *, role: str, supervisor: Address) -> None:
        super().__init__()
        self.role = role
        self._supervisor = supervisor
        self._has_crashed = False

    @staticmethod
    def _create_actor_inbox() -> Any:
        """pykka's hook. Its own inbox wakes a thread up to three times for one message."""
        return queue.SimpleQueue()

    def _start_actor_loop(self) -> None:
        """pykka's hook. Raises NoThread where there is none for this actor, which then is none."""
        try:
            super()._start_actor_loop()
        except RuntimeError as error:
            pykka.ActorRegistry.unregister(self.actor_ref)
            if is_no_thread(error):
                raise NoThread from error
            raise

    def handle(self, message: Any) -> Any:
        """Act on one message; what it returns is the answer to an `ask`."""
        raise NotImplementedError

    def on_receive(self, message: Any) -> Any:
        """Called by pykka on the actor's own thread, one message at a time."""
        if self._has_crashed:
            raise NotHandled(f"the {self.role} has crashed")
        try:
            return self.handle(message)
        except BaseException as error:
            self._has_crashed = True
            self.report_crash(error)
            # Under `ask` pykka would keep this actor, whatever state it is in.
            self.stop()
            raise HandlerFailed(f"the {self.role} failed on {type(message).__name__}") from error

    def report_crash(self, error: BaseException) -> None:
        """Tell the Supervisor why this actor ends."""
        self._supervisor.tell(
            ActorCrashed(urn=self.actor_urn, role=self.role, error=crash_text(error))
        )


def crash_text(error: BaseException) -> str:
    """What the database and people are told of a bug: without secrets, whatever it holds."""
    return REDACTOR(f"{type(error).__name__}: {error}")
