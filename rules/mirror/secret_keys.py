"""What of a record grants access, told by its keys; it is never stored, printed or logged.

Of an environment, wherever it stands, only what is known to be harmless is kept. Elsewhere what
goes by the name of a secret is dropped. What people write into texts is not looked at.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from enum import Enum
from typing import Any

ENVIRONMENT = "environment"
HARMLESS = frozenset({"id", "title", "url", "access_type"})
"""What an environment may say; its URLs without their user and password."""

SECRET_WORDS = frozenset(
    {
        *("password", "passwords", "passwd", "passphrase", "passcode", "pass", "pwd", "pin"),
        *("secret", "secrets", "token", "tokens", "credential", "credentials", "otp", "totp"),
        *("login", "logins", "username", "usernames", "auth", "authorization", "cookie", "cookies"),
        *("apikey", "accesskey", "userpass", "htpasswd", "bearer"),
    }
)
"""Whole words of a key: `pass` is one of `http_pass`, and none of `passed_features`."""

SECRET_PARTS = ("password", "passwd", "passphrase", "credential", "apikey")
"""In words that were written together, as in `httppassword`."""

SECRET_PAIRS = frozenset(
    {
        *(("user", "name"), ("pass", "word"), ("pass", "code"), ("pass", "phrase")),
        *((kind, "key") for kind in ("api", "access", "private", "secret", "ssh", "auth")),
        *(("access", what) for what in ("claim", "claims", "code", "data", "details", "info")),
    }
)
SECRET_KEYS = frozenset({("access",)})
"""Free text, in the vendor's guide; `access_type` is not."""

ABOUT = frozenset({"required", "count", "rate", "type", "enabled", "policy", "at"})
"""The last word of a key that tells something about a secret, and not the secret."""

SIMPLE = frozenset({int, float, bool, type(None), str})

DROPPED = object()

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_USERINFO = re.compile(
    r"(?<=[/\\]{2})[^/\\?#\s]*@"  # https://user:password@host
    r"|(?<=[/\\]{2})[^/\\\s@\[]*:(?!\d{0,5}(?:[/?#\s]|$))\S*@"  # a password with a slash in it
    r"|(?:^|(?<=\s))[^/\\?#\s@]*:[^/\\?#\s]*@"  # user:password@host
)
_KEYS = re.compile(r"""(?:'([^'\n]{1,100})'|"([^"\n]{1,100})")\s*:""")


class Grants(Enum):
    """What a key says of the value under it."""

    NOTHING = "nothing"
    ACCESS = "access"
    ENVIRONMENT = "environment"


def without_secrets(value: Any) -> Any:
    """The same value, or a copy of it, without anything that grants access.

    What holds no secret is not copied. Raises RecursionError.
    """
    if value.__class__ is dict:
        return _object_without(value)
    if value.__class__ is list and not SIMPLE.issuperset(map(type, value)):
        found = [item if item.__class__ in SIMPLE else without_secrets(item) for item in value]
        is_same = all(map(operator.is_, found, value))
        return value if is_same else found
    return value


def may_hold_secrets(text: str) -> bool:
    """Whether a text that is cut off, or is no JSON, has a key under which a secret may stand."""
    keys = (match[1] or match[2] for match in _KEYS.finditer(text))
    return any(grants(key) is not Grants.NOTHING for key in keys)


@functools.lru_cache(maxsize=1024)
def grants(key: str) -> Grants:
    """What may stand under a key."""
    words, rest = _words(key)
    if _is_secret(words) or _is_secret(rest):
        return Grants.ACCESS
    return Grants.ENVIRONMENT if ENVIRONMENT in key.lower() else Grants.NOTHING


def _words(key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A key's words, and those behind the one that names an environment."""
    words = tuple(word.lower() for word in _WORDS.findall(key))
    names = (i for i, word in enumerate(words) if ENVIRONMENT in word)
    return words, words[max(names, default=-1) + 1 :]


def _is_secret(words: tuple[str, ...]) -> bool:
    if not words or words[-1] in ABOUT:
        return False
    return (
        words in SECRET_KEYS
        or not SECRET_WORDS.isdisjoint(words)
        or not SECRET_PAIRS.isdisjoint(itertools.pairwise(words))
        or any(part in word for word in words for part in SECRET_PARTS)
    )


def _object_without(record: dict[str, Any]) -> dict[str, Any]:
    special, changed = _special(tuple(record)), {}
    for key, item in record.items():
        if key in special:
            changed[key] = _special_value(key, item)
        elif item.__class__ not in SIMPLE and (new := without_secrets(item)) is not item:
            changed[key] = new
    if not changed:
        return record
    return {
        key: changed.get(key, item)
        for key, item in record.items()
        if changed.get(key) is not DROPPED
    }


def _special_value(key: str, item: Any) -> Any:
    """What is kept of it. `login_needed: true` and `password: null` give nothing away."""
    if item is None or item.__class__ is bool:
        return item
    if grants(key) is Grants.ENVIRONMENT and _may_stay(key, item):
        return _of_environment(item)
    return DROPPED


@functools.lru_cache(maxsize=1024)
def _special(keys: tuple[str, ...]) -> frozenset[str]:
    """Records come in few shapes: those of their keys under which a secret may stand."""
    return frozenset(key for key in keys if grants(key) is not Grants.NOTHING)


def _may_stay(key: str, item: Any) -> bool:
    """Beside whole environments, a part of one that stands in a key of its own."""
    if isinstance(item, dict):
        return True
    rest = "_".join(_words(key)[1])
    is_known = not rest or rest in HARMLESS
    return is_known or (isinstance(item, list) and all(isinstance(each, dict) for each in item))


def _of_environment(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _of_environment(item) for key, item in value.items() if key in HARMLESS}
    if isinstance(value, list):
        return [_of_environment(item) for item in value]
    return _USERINFO.sub("", value) if isinstance(value, str) and "@" in value else value
