"""Keeps secrets out of every line that is written."""

from __future__ import annotations

import base64
import json
import threading
from urllib.parse import quote, quote_plus

MASK = "[secret]"


class Redactor:
    """Replaces the secrets it knows, raw, URL-encoded and in base64, in any text. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """From now on this secret is masked. Too short a text (under 4) is left alone."""
        if len(secret) < 4:
            return
        with self._lock:
            known = {*self._forms, *_forms(secret)}
            # Longer forms first, so that no part of one is left behind.
            self._forms = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    forms |= {repr(secret)[1:-1]}
    forms |= {json.dumps(form)[1:-1] for form in set(forms)}
    for offset in range(3):
        forms |= {_base64_within(raw, offset), _base64_within(raw, offset).replace("+", "-")}
        forms.add(_base64_within(raw, offset).replace("+", "-").replace("/", "_"))
    return {form for form in forms if len(form) >= 4}


def _base64_within(raw: bytes, offset: int) -> str:
    """The base64 digits that depend on `raw` alone, where `offset` bytes stand before it."""
    digits = base64.b64encode(bytes(offset) + raw).decode().rstrip("=")
    first = -(-offset * 8 // 6)
    whole = (offset + len(raw)) * 8 // 6
    return digits[first:whole]


REDACTOR = Redactor()
"""The one that all log handlers of the process share."""
