"""What the keys of `watch` ask the daemon for; each returns a sentence and never raises."""

from __future__ import annotations

from collections.abc import Callable

from cli.common import control_of
from config.settings import Settings
from control.client import ControlClient
from control.errors import ControlError, NoDaemon
from control.protocol import StartRunBody
from rules.model import Trigger
from rules.run.admission import Admission

TIMEOUT_SECONDS = 3.0


class Actions:
    """Speaks to whichever daemon runs at that moment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sync(self) -> str:
        """Ask for a run of everything."""
        return self._ask(_start)

    def pause(self) -> str:
        """No more periodic runs."""
        return self._ask(lambda daemon: daemon.pause().word.value)

    def resume(self) -> str:
        """Periodic runs again."""
        return self._ask(lambda daemon: daemon.resume().word.value)

    def cancel(self) -> str:
        """End the run at work."""
        return self._ask(lambda daemon: daemon.cancel().word.value)

    def _ask(self, what: Callable[[ControlClient], str]) -> str:
        try:
            return what(control_of(self._settings, timeout=TIMEOUT_SECONDS)).replace("_", " ")
        except NoDaemon:
            return "no daemon answers; start one with `testio-sync run`"
        except ControlError as error:
            return str(error)


def _start(daemon: ControlClient) -> str:
    reply = daemon.start_run(StartRunBody(trigger_source=Trigger.CLI))
    if reply.run_id is None:
        return "the daemon is stopping, or another run waits already"
    later = ": it waits for the end of the one at work" if reply.word is Admission.QUEUED else ""
    return f"run {reply.run_id} {reply.word.value}{later}"
