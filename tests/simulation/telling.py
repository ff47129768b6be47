"""The trace of a life, as text that is the same whenever it is lived again."""

from __future__ import annotations

from enum import Enum
from typing import Any

from rules.run.events import RunClosed, RunOpened, SyncEvent

SHOWN = (
    *("run_id", "attempt", "event", "phase", "product_id", "outcome", "status", "word"),
    *("index", "count", "trigger", "reason", "seconds", "role", "error", "message"),
)
INSIDE = ("ticket", "result", "page", "problem", "request")


def told(at: float, who: str, what: object) -> str:
    """One line: when, who, and what was taken out of the inbox, or done."""
    text = what if isinstance(what, str) else f"{_name(what)}{_fields(what)}"
    return f"{at:11.3f}  {who:<18} {text}"


def _name(what: object) -> str:
    entries = {RunOpened: "run_started", RunClosed: "run_finished", SyncEvent: "recorded"}
    return entries.get(type(what), type(what).__name__.strip("_"))


def _fields(what: Any) -> str:
    parts = [f"{name}={_plain(value)}" for name in SHOWN if (value := _of(what, name)) is not None]
    for name in INSIDE:
        inner = _of(what, name)
        if inner is not None:
            parts += [f"{name}{_fields(inner)}"]
    return f"({', '.join(parts)})" if parts else ""


def _of(what: Any, name: str) -> Any:
    return getattr(what, name, None) if name in getattr(what, "__dataclass_fields__", ()) else None


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value
