"""Ends a thread that is no actor's by an exception, in the real daemon.

As in `inside_actors`: once, and only when the file `armed` is there.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

from tests.faults.inside_actors import WAYS, disarmed

STEPS = {
    "control": ("waitress.wasyncore:poll2", "testio-control"),
    "metrics": ("waitress.wasyncore:poll2", "testio-metrics"),
    "accepting": ("waitress.channel:HTTPChannel.__init__", "testio-control"),
    "answering": ("service.daemon.control_handlers:ControlHandlers.status", "waitress-"),
    "metrics-page": ("service.monitoring.metrics:Exporter.page", "waitress-"),
    "pulse": ("actors.system:ActorSystem.beat", "testio-pulse"),
    "deadlines": ("testio.deadlines:Deadlines._next_due", "testio-deadlines"),
    "messenger": ("service.monitoring.messenger:Messenger._act", "testio-notify-"),
    "signals": ("service.daemon.signals:log_threads", "testio-signals"),
    "reload": ("service.daemon.main:reload_by_signal", "testio-reload"),
    "lookout": ("actors.heartbeats:Heartbeats.beat", "MainThread"),
    "fetcher": ("service.read_through.fetcher:Fetcher._reader", "testio-fetch"),
    "watcher": ("service.monitoring.instruments:Instruments.on_entry", ""),
}
"""What each of them calls again and again, and the beginning of its thread's name."""


def end_thread(which: str, way: str, armed: str) -> None:
    """The thread raises where it calls that the next time."""
    place, name = STEPS[which]
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, last = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    call = getattr(owner, last)

    def raising(*given: Any, **named: Any) -> Any:
        if threading.current_thread().name.startswith(name) and disarmed(armed):
            raise WAYS[way]("a fault")
        return call(*given, **named)

    setattr(owner, last, raising)
