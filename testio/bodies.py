"""From bytes to JSON values.

The fast parser reads nearly every answer. Where it refuses one (a lone surrogate, NaN, a byte
order mark) the standard one reads it leniently, and the records that cannot be stored as JSON
text show themselves when they are written out again (rule 10, `rules.mirror.contents`).

A few megabytes can hold more than a million values, each of which takes far more memory than it
has bytes: that is refused before it is parsed. Where the memory of a process is limited the fast
parser ends it when there is no more; so such an answer is left to the standard one, which says so.
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from testio.errors import BadPayload

MOST_VALUES = 2_000_000
"""Of one answer; the largest list of `payloads.MOST_RECORDS` has fewer."""
ALWAYS_FITS = 256 * 1024
"""Bytes; what a smaller answer holds is no trouble, whatever it is."""
PARSER_BYTES = 12
"""What the fast parser takes beforehand for each byte of an answer, beside the values."""
VALUE_BYTES = 120
"""What a value takes at most, on average: an object with an entry 232, and the entry no more."""


class NotANumber:
    """Stands for NaN or an infinity, which JSON does not have; it cannot be written out."""

    def __repr__(self) -> str:
        return "NaN"


def parse(body: bytes) -> Any:
    """The JSON value of an answer. Raises BadPayload."""
    if len(body) > ALWAYS_FITS and not _fits(_values_in(body), len(body)):
        return _parse_leniently(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_leniently(body)


def _values_in(body: bytes) -> int:
    """About so many, by what separates them; never fewer, as texts may hold the same signs."""
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > MOST_VALUES:
        raise BadPayload(f"the answer holds more than {MOST_VALUES} values")
    return values


def _fits(values: int, size: int) -> bool:
    """Whether there is as much memory as the fast parser may take for so many bytes."""
    try:
        bytes(PARSER_BYTES * size + VALUE_BYTES * values)  # not filled, and let go of at once
    except MemoryError:
        return False
    return True


def _parse_leniently(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_constant=lambda _name: NotANumber(),
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the answer is not JSON: {_start_of(body)}") from error
    except MemoryError as error:
        what = f"the answer of {len(body)} bytes needs more memory than this process may have"
        raise BadPayload(what) from error


def _finite(text: str) -> float | NotANumber:
    number = float(text)
    return number if math.isfinite(number) else NotANumber()


def _start_of(body: bytes) -> str:
    return repr(body[:40].decode("utf-8", "replace")) if body else "it is empty"
