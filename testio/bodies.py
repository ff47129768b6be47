"""From bytes to JSON values, and what of them is secret.

The fast parser reads nearly every answer. Where it refuses one (a lone surrogate, NaN, a byte
order mark) the standard one reads it leniently, and the records that cannot be stored as JSON
text show themselves when they are written out again (rule 10, `rules.contents`).
"""

from __future__ import annotations

import functools
import json
import math
import re
from typing import Any

import orjson

from testio.errors import BadPayload

SECRET_WORDS = ("password", "username", "secret", "token", "credential", "access")
"""Words in the keys of a test environment that grant access; the vendor's guide also shows free
text under `access` and `access_claims`."""

PLAIN = frozenset({int, float, bool, type(None)})

_USERINFO = re.compile(r"://[^/?#\s]*@")


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


def without_secrets(value: Any) -> Any:
    """A copy of a test environment without anything that grants access."""
    if isinstance(value, dict):
        allowed = _allowed(tuple(value))
        return {
            key: item
            if item.__class__ in PLAIN or (item.__class__ is str and "://" not in item)
            else without_secrets(item)
            for key, item in value.items()
            if key in allowed
        }
    if isinstance(value, str):
        return _USERINFO.sub("://", value) if "://" in value else value
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


@functools.lru_cache(maxsize=1024)
def _allowed(keys: tuple[str, ...]) -> frozenset[str]:
    """Environments come in few shapes: those of their keys that grant nothing."""
    return frozenset(key for key in keys if not any(word in key.lower() for word in SECRET_WORDS))
