"""What is done inside a process before it begins: the faults that cannot come from outside.

Each function is named in `Trial.start(..., inside="tests.faults.inside:NAME ARGUMENTS")`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from service import remote_client
from testio.limits import Breaker
from testio.transport import TransportOptions

BEGINS = f"{__name__}:begins"
SHORT_PAUSES = f"{__name__}:short_pauses"


def begins(path: str) -> None:
    """Say by a file that the command begins now."""
    Path(path).touch()


def short_pauses() -> None:
    """Hold back for tenths of seconds where the client holds back for seconds."""
    init = Breaker.__init__

    def short(self: Breaker, **given: Any) -> None:
        init(self, **({"patience": 1.0, "first_pause": 0.1, "longest_pause": 1.0} | given))

    Breaker.__init__ = short  # type: ignore[method-assign]
    quick = partial(TransportOptions, first_pause_seconds=0.02, longest_pause_seconds=0.2)
    setattr(remote_client, "TransportOptions", quick)  # noqa: B010 (it is no name to export)
