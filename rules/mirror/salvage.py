"""What is saved of a damaged database: where to go on reading, and which rows are sound."""

from __future__ import annotations

import heapq
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rules.model import Kind, Trigger

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The row ids that SQLite has."""
MOST_TRIES = 2_000


class Gaps:
    """The ranges of row ids that are still to be read, the longest first, up to so many tries.

    A range in which reading fails from both ends is halved: whole pages of good rows may lie
    between two damaged ones. `has_lost` tells whether something was given up.
    """

    def __init__(self, low: int = LOWEST, high: int = HIGHEST, *, tries: int = MOST_TRIES) -> None:
        self._waiting = [(low - high, low, high)]
        self._tries = tries
        self.has_lost = False

    def take(self) -> tuple[int, int] | None:
        """The next range to read, both ends included; None if there is no more."""
        if not self._waiting or not self._tries:
            return None
        self._tries -= 1
        _, low, high = heapq.heappop(self._waiting)
        return low, high

    def failed(self, low: int, high: int) -> None:
        """What is left of a range between the failures from its two ends."""
        self.has_lost = True
        if low >= high:
            return
        middle = (low + high) // 2
        for part in ((low, middle), (middle + 1, high)):
            heapq.heappush(self._waiting, (part[0] - part[1], *part))


class Type(StrEnum):
    """How a value is stored."""

    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column as this program writes it."""

    name: str
    type: Type
    required: bool


Value = int | float | str | None

JSON_FIELDS = frozenset(
    {
        *("counts", "data", "detail", "errors", "options", "phases", "phases_completed"),
        *("row_ids", "scope", "section_ids", "warnings"),
    }
)
WORDS: Mapping[str, frozenset[str]] = {
    "kind": frozenset(kind.value for kind in Kind),
    "trigger_source": frozenset(trigger.value for trigger in Trigger),
}
EVENT = re.compile(r"[a-z_]+")


def sound_row(fields: Sequence[Field], stored: Sequence[object]) -> tuple[Value, ...] | None:
    """The values of a row, its texts decoded; None if this program cannot have written it."""
    try:
        return tuple(_value(field, value) for field, value in zip(fields, stored, strict=True))
    except (ValueError, RecursionError):
        return None


def _value(field: Field, stored: object) -> Value:
    """Raises ValueError."""
    if stored is None and not field.required:
        return None
    if field.type is Type.INTEGER and isinstance(stored, int):
        return stored
    if field.type is Type.REAL and isinstance(stored, int | float) and math.isfinite(stored):
        return stored
    if field.type is Type.TEXT and isinstance(stored, bytes):
        return _text(field.name, stored.decode())
    raise ValueError


def _text(name: str, text: str) -> str:
    if name in JSON_FIELDS and not isinstance(json.loads(text), list | dict):
        raise ValueError
    if name in ("at", "probe_after") or name.endswith("_at"):
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError
    elif text not in WORDS.get(name, (text,)) or (name == "event" and not EVENT.fullmatch(text)):
        raise ValueError
    return text
