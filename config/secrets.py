"""Keeps secrets out of every line that is written."""

from __future__ import annotations

import base64
import json
import threading
from urllib.parse import quote, quote_plus, urlsplit

from config.pieces import PIECE, without_credentials, without_pieces

MASK = "[secret]"
SECRET_PATH = 8
"""Characters of a part of a URL from which on it is masked by itself."""


class Redactor:
    """Replaces the secrets it knows, raw, URL-encoded and in base64, in any text. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: tuple[str, ...] = ()
        self._tokens: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """From now on this secret is masked. Too short a text (under 4) is left alone."""
        if len(secret) < 4:
            return
        with self._lock:
            known = {*self._forms, *_forms(secret)}
            # Longer forms first, so that no part of one is left behind.
            self._forms = tuple(sorted(known, key=len, reverse=True))

    def add_token(self, token: str) -> None:
        """The same; `thoroughly` looks for what is left of it too."""
        self.add(token)
        with self._lock:
            self._tokens = tuple({*self._tokens, token} if len(token) >= PIECE else self._tokens)

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def thoroughly(self, text: str) -> str:
        """A text of the remote's without tokens: known ones in pieces too, others where they show.

        Takes about a microsecond a character and token: not for every line.
        """
        text = self(text)
        for token in self._tokens:
            text = without_pieces(text, token, MASK)
        return without_credentials(text, MASK)

    def in_bytes(self, body: bytes) -> bytes:
        """The same of a text that is not decoded yet."""
        for form in self._forms:
            if (raw := form.encode()) in body:
                body = body.replace(raw, MASK.encode())
        return body


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


def hide_url(url: str) -> None:
    """Mask a URL that grants something to whoever knows it, a webhook's.

    Its path and its query, whole and each by itself, stand in the logs of libraries: so hide it
    as it was given, and as it is sent. Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    values = [pair.partition("=")[2] for pair in parts.query.split("&")]
    REDACTOR.add(url)
    for part in (path, parts.query, f"{path}?{parts.query}", *values):
        if len(part) >= SECRET_PATH:
            REDACTOR.add(part)
