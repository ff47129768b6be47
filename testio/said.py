"""What the remote says of a failure, in its own words, for people.

Nothing is decided by it, and nothing of it can hurt: it is short, the token is masked in it, and
no character of it moves a cursor. A page of HTML is a gatekeeper's, who answers for itself.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config.secrets import REDACTOR, Redactor
from rules.diagnosis.notice import harmless_line
from rules.mirror.secret_keys import without_secrets
from testio.bodies import parse
from testio.errors import BadPayload

LONGEST = 200
"""Characters that are shown."""

LONGEST_TITLE = 80
DEEPEST = 5
WORDS = ("error", "errors", "message")
"""Where an answer of the API says what is wrong."""

WHOLE = "base"
"""Errors by field stand under the field's name; under this one, those of the whole."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_HTML = re.compile(r"\s*(<!doctype html|<html)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line, empty where nothing usable was said. `by_gatekeeper`: the API itself is silent."""

    words: str = ""
    by_gatekeeper: bool = False


NOTHING = Said()


def said_in(body: bytes, content_type: str, token: str) -> Said:
    """What the body of an error says."""
    text = body.decode("utf-8", "replace")
    if "html" in content_type.lower() or _HTML.match(text):
        found = _TITLE.search(text)
        title = "" if found is None else html.unescape(found[1])
        return Said(words=_shown(title, token, LONGEST_TITLE), by_gatekeeper=True)
    return Said(words=_shown(_of_json(body, text), token, LONGEST))


def _of_json(body: bytes, text: str) -> str:
    """The words of a JSON answer; of a plain text, the text itself."""
    try:
        answer = without_secrets(parse(body))
    except (BadPayload, RecursionError):
        is_plain = "\ufffd" not in text and not text.lstrip().startswith(("{", "["))
        return text if is_plain else ""
    if isinstance(answer, dict):
        answer = [answer[key] for key in WORDS if key in answer]
    return "; ".join(dict.fromkeys(_words(answer, DEEPEST)))


def _words(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _words(item, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _words_of_object(value, depth - 1)


def _words_of_object(value: dict[str, Any], depth: int) -> Iterator[str]:
    said = [value[key] for key in WORDS if key in value]
    if said:
        yield from _words(said, depth)
        return
    for key, item in value.items():
        before = "" if key == WHOLE else f"{key}: "
        yield from (f"{before}{words}" for words in _words(item, depth))


@functools.lru_cache(maxsize=4)
def masking(token: str) -> Redactor:
    """Masks this token in what the remote says, whether or not the process knows it."""
    masked = Redactor()
    masked.add_token(token)
    return masked


def without_token(body: bytes, token: str) -> bytes:
    """An answer that tells the token back is stored and shown without it.

    One of digits only cannot be told from an id, and is not looked for.
    """
    return body if token.isdigit() else masking(token).in_bytes(body)


def _shown(text: str, token: str, longest: int) -> str:
    """One harmless line. Tokens are masked first: neither a cut nor an escape hides a part."""
    line = harmless_line(" ".join(REDACTOR(masking(token).thoroughly(text)).split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
