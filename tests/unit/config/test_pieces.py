"""Of a token that comes back in pieces, or spelled otherwise, next to nothing is shown."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import time
from collections.abc import Callable, Iterable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.pieces import PIECE, without_credentials, without_pieces
from config.secrets import MASK

PRINTABLE = "".join(map(chr, range(33, 127)))
TOKEN = "s3cret/tok+en='and-more%41"
BLANKS = ("", "\n", "\r\n  ", " ", "\t", "\u200b", "\u00ad", "\u2066", "\x00", "\ufeff", "\u0301")
SEQUENCES = ("\x1b[31m", "\x1b[0;1m", "\x1b]0;gone\x07", "\x9b2K", "\x1b[2J")

# What begins an escape would make another one of what follows, if it stood before it.
around = st.text(st.characters(exclude_characters="\\%&#"), max_size=5)
tokens = st.text(PRINTABLE.replace("[", "").replace("]", ""), min_size=8, max_size=64)
Spelling = Callable[[str], str]


def each(spell: Callable[[str], str]) -> Spelling:
    return lambda text: "".join(map(spell, text))


SPELLINGS: dict[str, Spelling] = {
    "as it is": str,
    "upper": str.upper,
    "lower": str.lower,
    "URL": lambda text: quote(text, safe=""),
    "URL byte by byte": each(lambda c: f"%{ord(c):02x}"),
    "URL byte by byte, upper": each(lambda c: f"%{ord(c):02X}"),
    "URL twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON twice": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "JSON character by character": each(lambda c: f"\\u{ord(c):04x}"),
    "JavaScript": each(lambda c: f"\\u{{{ord(c):X}}}"),
    "Python": each(lambda c: f"\\x{ord(c):02x}"),
    "octal": each(lambda c: f"\\{ord(c):03o}"),
    "HTML": html.escape,
    "HTML by number": each(lambda c: f"&#{ord(c)};"),
    "HTML by number, no end": each(lambda c: f"&#{ord(c):03d}" + ";" * c.isdigit()),
    "HTML in hex": each(lambda c: f"&#x{ord(c):X};"),
    "HTML of a URL": lambda text: html.escape(quote(text, safe="")),
    "full width": each(lambda c: chr(ord(c) + 0xFEE0)),
}
DIGITS: dict[str, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "HEX": lambda raw: raw.hex().upper(),
    "hex in groups": lambda raw: raw.hex(" ", 2),
    "base64": lambda raw: base64.b64encode(raw).decode(),
    "base64 of URLs": lambda raw: base64.urlsafe_b64encode(raw).decode(),
    "base64 in a URL": lambda raw: quote(base64.b64encode(raw), safe=""),
}


def longest_left(shown: str, token: str) -> str:
    """The longest piece of the token that stands in a text without its blanks."""
    seen = "".join(c for c in shown.replace(MASK, "\n\n") if c == "\n" or "!" <= c <= "~")
    return max(
        (
            token[at : at + size]
            for at in range(len(token))
            for size in range(len(token) - at + 1)
            if token[at : at + size] in seen
        ),
        key=len,
    )


def broken(text: str, by: Iterable[str]) -> str:
    """The text with something in between, again and again."""
    between = list(by)
    return "".join(c + between[i % len(between)] for i, c in enumerate(text)) if between else text


@given(token=tokens, data=st.data())
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_token_is_masked_however_it_is_spelled_and_broken(
    spelling: str, token: str, data: st.DataObject
) -> None:
    by = data.draw(st.lists(st.sampled_from(BLANKS), max_size=4))
    start = data.draw(st.integers(0, len(token) - PIECE))
    end = data.draw(st.integers(start + PIECE, len(token)))
    echo = broken(SPELLINGS[spelling](token[start:end]), by)
    before, after = data.draw(around), data.draw(around)
    shown = without_pieces(f"{before} {echo} {after}", token, MASK)
    assert MASK in shown, f"{echo!r} became {shown!r}"
    left = len(shown.replace(MASK, ""))
    most = len(before) + len(after) + 2 + max(map(len, by), default=0)
    assert left <= most, f"of {echo!r} is left {shown!r}"


@given(token=tokens, data=st.data())
@example(token=TOKEN, data=None)
def test_fewer_than_eight_characters_in_a_row_are_left(
    token: str, data: st.DataObject | None
) -> None:
    by = ["\n"] if data is None else data.draw(st.lists(st.sampled_from(BLANKS), max_size=4))
    cut = 1 if data is None else data.draw(st.integers(0, len(token)))
    shown = without_pieces(f"x{broken(token[:cut], by)}y{broken(token[cut:], by)}z", token, MASK)
    left = longest_left(shown, token)
    assert len(left) < PIECE, f"{left!r} is left in {shown!r}"


@given(sequences=st.lists(st.sampled_from(SEQUENCES), min_size=1, max_size=3))
def test_sequences_of_a_terminal_hide_nothing(sequences: list[str]) -> None:
    token = "Ab1cD2eF3gH4iJ5k"
    *first, last = (c + sequences[i % len(sequences)] for i, c in enumerate(token))
    assert without_pieces("".join((*first, last[0])), token, MASK) == MASK
    for unended in ("\x1b]", "\x1b[", "\x9b", "\x1bP"):
        assert longest_left(without_pieces(unended + token, token, MASK), token) in ("", "A", "k")


@given(token=tokens, before=st.binary(max_size=4), after=st.binary(max_size=4), data=st.data())
@pytest.mark.parametrize("spelling", DIGITS)
def test_no_eight_bytes_of_a_token_can_be_read_out_of_digits(
    spelling: str, token: str, before: bytes, after: bytes, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(token) - PIECE))
    end = data.draw(st.integers(start + PIECE, len(token)))
    width = data.draw(st.integers(4, 76))
    echo = DIGITS[spelling](before + token[start:end].encode() + after)
    shown = without_pieces("\n".join(textwrap.wrap(echo, width)), token, MASK)
    assert MASK in shown, f"{echo!r} became {shown!r}"
    digits = sum(map(str.isalnum, shown.replace(MASK, "")))
    outside = 2 * (len(before) + len(after)) * (3 if "URL" in spelling else 1)
    assert digits <= outside + 12, f"{echo!r} became {shown!r}"


@given(text=st.text())
def test_a_text_without_the_token_stays_as_it_is(text: str) -> None:
    assert without_pieces(text, "Qx7-Vw9_Zk3+Rt5/", MASK) == text


def test_only_the_token_is_masked() -> None:
    text = "the tok-\n1234-\u200bABCDEF %41 is wrong, tok-123 is not looked for; &amp; \\n stay"
    assert without_pieces(text, "tok-1234-abcdef", MASK) == (
        f"the {MASK} %41 is wrong, tok-123 is not looked for; &amp; \\n stay"
    )


@pytest.mark.parametrize(
    "kind",
    ["a", "%", "%41", "\\", "\\u0041", "&#65;", "\x1b]", "\x1b[0", " ", "\u200b", "token ", "é",
     "Token 1", "Bearer a1 ", "token=", "token=1", "tok-1234", "&amp", "\ufdfa"],
)  # fmt: skip
def test_the_time_is_linear(kind: str) -> None:
    text = kind * (100_000 // len(kind))
    began = time.process_time()
    without_credentials(without_pieces(text, "tok-1234-abcdef", MASK), MASK)
    assert time.process_time() - began < 10, "less than a second is usual, and minutes if squared"


@pytest.mark.parametrize("scheme", ["Token ", "Bearer ", "Basic ", "Token\n", "Bearer%20"])
@pytest.mark.parametrize("other", ["abcdefgh", "0123456789abcdef", "dXNlcjpwYXNz", "a.b-c_d~e=="])
def test_what_follows_the_word_of_an_authorization_is_masked_whoevers_it_is(
    scheme: str, other: str
) -> None:
    text = f"refused: Authorization: {scheme}{other} for x"
    assert without_credentials(text, MASK) == f"refused: Authorization: {scheme}{MASK} for x"


def test_the_lines_that_follow_are_too() -> None:
    text = "Bearer eyJhbGciOiJIUzI1NiIs\n  InR5cCI6IkpXVCJ9 was refused"
    assert without_credentials(text, MASK) == f"Bearer {MASK} was refused"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the token=0a1b2c3d4e5f6071 is wrong", f"the token={MASK} is wrong"),
        ('Token token="0a1b2c3d4e5f"', f"Token {MASK}"),
        ("invalid bearer: 'Zz9aaaaaaa'", f"invalid bearer: '{MASK}"),
        ("token of-words-and-4711", "token of-words-and-4711".replace("of-words-and-4711", MASK)),
    ],
)
def test_so_is_what_looks_like_one(text: str, shown: str) -> None:
    assert without_credentials(text, MASK) == shown


@pytest.mark.parametrize(
    "text",
    [
        "HTTP Token: Access denied.",
        "the token has expired; token authentication failed",
        "Token expired",
        "Basic tests are not for you",
        "bearer of bad news",
        "tokenization failed for 0123456789",
        "the token may not see this (403)",
    ],
)
def test_words_of_every_day_stay(text: str) -> None:
    assert without_credentials(text, MASK) == text
