"""A wall clock that is set while the process runs, as that process sees it.

The machine's own clock stays as it is. SQLite's clock in that process does, too.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

SET_CLOCK = f"{__name__}:set_clock"
OURS = ("actors", "cli", "config", "control", "rules", "service", "storage", "testio")
FORM = "d"


def write_offset(path: Path, seconds: float) -> None:
    """From now on the clock is so far ahead of the machine's."""
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack(FORM, seconds))


def set_clock(path: str) -> None:
    """Go by the offset that stands in this file, as it is at each moment."""
    with open(path, "rb") as file:
        shared = mmap.mmap(file.fileno(), struct.calcsize(FORM), prot=mmap.PROT_READ)

    def offset() -> float:
        return float(struct.unpack(FORM, shared)[0])

    class AnyDatetime(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Moved(datetime, metaclass=AnyDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=offset())

        @classmethod
        def __get_pydantic_core_schema__(cls, _source: object, handler: Any) -> Any:
            return handler(datetime)  # where a type that holds one is looked at for the first time

    real_time = time.time
    time.time = lambda: real_time() + offset()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in OURS and getattr(module, "datetime", None) is datetime:
            setattr(module, "datetime", Moved)  # noqa: B010 (it is no name of the module's type)
