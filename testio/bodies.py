"""From bytes to JSON values, and from a record back to the text that is stored and hashed.

The fast parser reads nearly every answer. Where it refuses one (a lone surrogate, NaN, a byte
order mark) the standard one reads it leniently, and the records that cannot be stored as JSON
text show themselves when they are written out again (rule 10).
"""

from __future__ import annotations

import functools
import hashlib
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

HASH_CHUNK = 2047  # hashlib lets go of the interpreter lock from 2,048 bytes on; that costs more


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


def stored_form(record: dict[str, Any]) -> tuple[str, str]:
    """A record as JSON text with sorted keys, and the hash of that text.

    Raises ValueError if it holds what JSON has not.
    """
    try:
        raw = orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise ValueError(f"{_culprit(record)} cannot be stored as JSON: {error}") from error
    if len(raw) <= HASH_CHUNK:
        return raw.decode(), hashlib.blake2b(raw, digest_size=16).hexdigest()
    return raw.decode(), _digest(raw)


def _culprit(record: dict[str, Any]) -> str:
    """The field that cannot be written out."""
    for key, value in record.items():
        try:
            orjson.dumps({key: value})
        except TypeError:
            return repr(key) if not key.isidentifier() else key
    return "the record"


def content_hash(text: str) -> str:
    """A stable hash of a text: equal if and only if the content is."""
    return _digest(text.encode())


def _digest(raw: bytes) -> str:
    digest = hashlib.blake2b(raw[:HASH_CHUNK], digest_size=16)
    for start in range(HASH_CHUNK, len(raw), HASH_CHUNK):
        digest.update(raw[start : start + HASH_CHUNK])
    return digest.hexdigest()


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
