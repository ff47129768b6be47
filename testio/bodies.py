"""From bytes to JSON values.

The fast parser reads nearly every answer. Where it refuses one (a lone surrogate, NaN, a byte
order mark) the standard one reads it leniently, and the records that cannot be stored as JSON
text show themselves when they are written out again (rule 10, `rules.contents`).
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from testio.errors import BadPayload


class NotANumber:
    """Stands for NaN or an infinity, which JSON does not have; it cannot be written out."""

    def __repr__(self) -> str:
        return "NaN"


def parse(body: bytes) -> Any:
    """The JSON value of an answer. Raises BadPayload."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _parse_leniently(body)


def _parse_leniently(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_constant=lambda _name: NotANumber(),
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the answer is not JSON: {_start_of(body)}") from error


def _finite(text: str) -> float | NotANumber:
    number = float(text)
    return number if math.isfinite(number) else NotANumber()


def _start_of(body: bytes) -> str:
    return repr(body[:40].decode("utf-8", "replace")) if body else "it is empty"
