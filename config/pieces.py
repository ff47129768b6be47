"""Finds a token in a text that spells it otherwise or in pieces, and what may be somebody's token.

A text is looked at as it is, without escape sequences of terminals, and decoded a few times, each
time without white space and whatever else is not printable ASCII, as a token is. Every character
knows from where in the text it came. The time is linear in the length of the text.
"""

from __future__ import annotations

import base64
import functools
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

PIECE = 8
"""Characters of a token that are never shown in a row; no token is shorter."""

IN_HEX = 2 * PIECE
IN_BASE64 = 10
"""Digits that eight bytes fill whatever stands before them."""

LAYERS = 3
"""How often a text is decoded."""

_BLANK = re.compile(
    r"[\x00-\x20\x7f-\xa0\xad\u0300-\u036f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+"
    r"|[^\x00-\x7f]"
)
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]"
)
_URL = r"%(?P<url>[0-9a-f]{2})"
_STRING = (
    r"\\x(?P<x>[0-9a-f]{2})|\\u(?P<u>[0-9a-f]{4})|\\U(?P<long>[0-9a-f]{8})"
    r"|\\u\{(?P<braces>[0-9a-f]{1,6})\}|\\(?P<octal>[01][0-7]{2})|\\(?P<one>[\"'/\\abfnrtv])"
)
_ENTITY = (
    r"(?P<entity>&#0*(?:[3-9][0-9]|1[01][0-9]|12[0-6]);?|&#x0*[2-7][0-9a-f];?"
    r"|&#x?[0-9a-f]{1,8};|&[a-z][0-9a-z]{1,31};?)"
)
_ONE_KIND = tuple(re.compile(kind, re.IGNORECASE) for kind in (_URL, _STRING, _ENTITY))
_ANY_KIND = re.compile(f"{_URL}|{_STRING}|{_ENTITY}", re.IGNORECASE)
_SAME = str.maketrans({**{chr(c): chr(c + 32) for c in range(65, 91)}, "-": "+", "_": "/"})
"""What is not told apart: cases, and the two alphabets of base64."""

_WORD = r"[^\s,;]"
_MORE = rf"(?:\s+(?={_WORD}{{0,256}}[0-9]){_WORD}{{{PIECE},}})*"
_SCHEME = re.compile(
    rf"(?:(?<![A-Za-z])(?:Token|Bearer|Basic)(?:\s|%20|\+)+)(?P<sent>{_WORD}{{{PIECE},}}{_MORE})"
    rf"|(?i:(?<![a-z])(?:token|bearer|basic)(?:[\s:=\"'`+]|%20|%3[ad])+)"
    rf"(?P<like>(?={_WORD}{{0,256}}[0-9]|{_WORD}{{1,256}}[A-Z]){_WORD}{{{PIECE},}}{_MORE})"
)


class _View(NamedTuple):
    """A text, and where each of its characters begins and ends in the one that is looked at."""

    text: str
    starts: list[int]
    ends: list[int]


def without_pieces(text: str, secret: str, mask: str) -> str:
    """The text, in which fewer than eight characters of the secret stand in a row.

    The secret is printable ASCII without a space, as a token is.
    """
    return _masked(text, _pieces(text, secret), mask)


def without_credentials(text: str, mask: str) -> str:
    """The text without what stands behind the word of an `Authorization`, whoever's it is."""
    found = (each.span("sent" if each["sent"] else "like") for each in _SCHEME.finditer(text))
    return _masked(text, found, mask)


def _pieces(text: str, secret: str) -> Iterator[tuple[int, int]]:
    """Where in the text pieces of the secret stand, in no order."""
    grams = _grams(secret)
    for view in _views(text):
        same = view.text.translate(_SAME)
        for length, wanted in grams.items():
            for at in range(len(same) - length + 1):
                if same[at : at + length] in wanted:
                    yield view.starts[at], view.ends[at + length - 1]


def _masked(text: str, spans: Iterator[tuple[int, int]], mask: str) -> str:
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], mask]
        done = max(done, end)
    return "".join(parts) + text[done:]


@functools.lru_cache(maxsize=64)
def _grams(secret: str) -> dict[int, frozenset[str]]:
    """All pieces of the secret, by their length: as it is and decoded, in hex and in base64."""
    raw = secret.encode()
    spelled = {view.text for view in _views(secret)}
    digits = (base64.b64encode(bytes(skip) + raw).decode() for skip in range(3))
    # The first digits hold what stands before, the last one what follows.
    within = {each.rstrip("=")[-(-skip * 8 // 6) :] for skip, each in enumerate(digits)}
    return {
        PIECE: _windows(spelled, PIECE),
        IN_HEX: _windows({raw.hex()}, IN_HEX),
        IN_BASE64: _windows(within, IN_BASE64),
    }


def _windows(texts: set[str], length: int) -> frozenset[str]:
    same = [text.translate(_SAME) for text in texts]
    return frozenset(
        text[at : at + length] for text in same for at in range(len(text) - length + 1)
    )


def _views(text: str) -> Iterator[_View]:
    """All that the text may be read as."""
    whole = _View(text, list(range(len(text))), list(range(1, len(text) + 1)))
    return _layers(whole, LAYERS, is_terminal=False)


def _layers(whole: _View, left: int, *, is_terminal: bool) -> Iterator[_View]:
    """Without blanks, and so once more for each time that it can be decoded.

    `is_terminal`: as a terminal shows it, without its sequences. What looks like one may be
    none, so that is tried beside the other.
    """
    shown = _rewritten(whole, _TERMINAL, lambda _found: "")
    if shown is not whole and not is_terminal:
        yield from _layers(shown, left, is_terminal=True)
    plain = _rewritten(shown if is_terminal else whole, _BLANK, _ascii)
    yield plain
    if left == LAYERS:
        # A token that holds what looks like an escape of another kind, in one of these.
        for kind in _ONE_KIND:
            yield from _decodings(plain, kind)
    decoded = _rewritten(plain, _ANY_KIND, _decoded)
    if decoded is not plain and left:
        yield from _layers(decoded, left - 1, is_terminal=is_terminal)


def _decodings(view: _View, kind: re.Pattern[str]) -> Iterator[_View]:
    for _ in range(LAYERS):
        before, view = view, _rewritten(view, kind, _decoded)
        if view is before:
            return
        yield view


def _rewritten(view: _View, what: re.Pattern[str], new: Callable[[re.Match[str]], str]) -> _View:
    """The view with other characters in the place of what was found; itself if nothing was."""
    texts: list[str] = []
    starts: list[list[int]] = []
    ends: list[list[int]] = []
    done = 0
    for found in what.finditer(view.text):
        first, last = found.span()
        if done < first:
            texts.append(view.text[done:first])
            starts.append(view.starts[done:first])
            ends.append(view.ends[done:first])
        if put := new(found):
            texts.append(put)
            starts.append([view.starts[first]] * len(put))
            ends.append([view.ends[last - 1]] * len(put))
        done = last
    if done == 0:
        return view
    texts.append(view.text[done:])
    starts.append(view.starts[done:])
    ends.append(view.ends[done:])
    return _View("".join(texts), list(chain(*starts)), list(chain(*ends)))


def _ascii(found: re.Match[str]) -> str:
    """The letters that a character of another form stands for; nothing for all that is blank."""
    return _ascii_form(found[0]) if len(found[0]) == 1 else ""


@functools.lru_cache(maxsize=1024)
def _ascii_form(character: str) -> str:
    known = unicodedata.normalize("NFKC", character)
    return "".join(c for c in known if c.isascii() and c.isprintable() and c != " ")


def _decoded(found: re.Match[str]) -> str:
    kind, told = found.lastgroup, found[found.lastgroup or 0]
    if kind == "entity":
        return html.unescape(told if told.endswith(";") else f"{told};")
    if kind == "one":
        return "" if told in "abfnrtv" else told
    code = int(told, 8 if kind == "octal" else 16)
    return chr(code) if code < 0x110000 else ""
