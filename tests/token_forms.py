"""How a token could stand in a file or an answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus


def forms(token: str) -> set[bytes]:
    """As it is, as URLs, JSON and Python have it, and as a header in base64 would."""
    whole = {token, quote(token), quote(token, safe=""), quote_plus(token)}
    whole |= {json.dumps(token)[1:-1], repr(token)[1:-1]}
    digits = {base64.b64encode(before + token.encode())[4:-4] for before in (b"", b"x", b"xy")}
    encoded = digits | {each.replace(b"+", b"-").replace(b"/", b"_") for each in digits}
    return {form.encode() for form in whole} | encoded


def assert_nothing_of_the_token(places: Mapping[str, bytes], token: str) -> None:
    """In no place, in no form; the message names both."""
    wanted = forms(token)
    found = [(place, form) for place, text in places.items() for form in wanted if form in text]
    assert not found, f"the token is in {found}"
