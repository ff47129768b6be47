"""The redactor: no form of a secret gets through, and nothing else is touched."""

from __future__ import annotations

import base64
import re
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.secrets import MASK, Redactor

PRINTABLE = "".join(map(chr, range(33, 127)))
TOKEN = "Ab1/+x?=&%~:Zz9"  # nothing in it survives URL-encoding by accident

secrets = st.text(PRINTABLE.replace("[", "").replace("]", ""), min_size=4, max_size=60)
some_bytes = st.binary(max_size=40)


def redactor_of(*known: str) -> Redactor:
    redactor = Redactor()
    for secret in known:
        redactor.add(secret)
    return redactor


def decoded(text: str) -> list[bytes]:
    """What anyone could decode from the base64 in a text, at every alignment of every run."""
    found = []
    for run in re.findall(r"[A-Za-z0-9+/_-]+", text.replace(MASK, " ")):
        digits = run.replace("-", "+").replace("_", "/")
        for skip in range(4):
            rest = digits[skip:]
            whole = rest[: len(rest) // 4 * 4]
            tail = rest[len(whole) :]
            padded = tail + "=" * (-len(tail) % 4) if len(tail) > 1 else ""
            found.append(base64.b64decode(whole + padded))
    return found


def test_the_oracle_of_this_file_finds_what_is_not_masked() -> None:
    for prefix in (b"", b"u", b"us", b"use"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = f"Basic {encode(prefix + TOKEN.encode() + b':x').decode()}"
            assert any(TOKEN.encode() in found for found in decoded(text)), text


@given(secret=secrets, prefix=some_bytes, suffix=some_bytes, urlsafe=st.booleans())
def test_base64_of_a_secret_anywhere_in_other_bytes_is_masked(
    secret: str, prefix: bytes, suffix: bytes, urlsafe: bool
) -> None:
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    text = encode(prefix + secret.encode() + suffix).decode()
    redacted = redactor_of(secret)(text)
    leaked = [found for found in decoded(redacted) if secret.encode() in found]
    assert not leaked, f"{text} became {redacted}, which decodes to {leaked}"


@given(secret=secrets, prefix=st.binary(min_size=1, max_size=4), suffix=some_bytes)
def test_next_to_nothing_of_a_secret_in_base64_is_left_at_its_edges(
    secret: str, prefix: bytes, suffix: bytes
) -> None:
    """The digits on the edges share bits with the neighbours: at most four bits remain of each."""
    text = base64.b64encode(prefix + secret.encode() + suffix).decode()
    redacted = redactor_of(secret)(text)
    assert MASK in redacted
    own_digits = (len(secret) * 8 - 8) // 6
    removed = len(text) - len(redacted.replace(MASK, ""))
    assert removed >= own_digits, f"{text} became {redacted}"


@given(secret=secrets, before=st.text(), after=st.text())
def test_a_secret_in_any_text_is_masked(secret: str, before: str, after: str) -> None:
    assume(secret not in MASK)
    redacted = redactor_of(secret)(f"{before}{secret}{after}")
    assert secret not in redacted.replace(MASK, "\n"), redacted


@pytest.mark.parametrize("token", [TOKEN, "a/b+c", "100%", "x=y&z", "p@ss:w0rd#"])
def test_every_usual_url_encoding_of_a_secret_is_masked(token: str) -> None:
    """`quote` keeps slashes unless told otherwise; it is what most code calls."""
    redactor = redactor_of(token)
    forms = {quote(token, safe=""), quote_plus(token), quote(token)}
    shown = {form: redactor(f"https://api.test.io/?t={form}&u=1") for form in sorted(forms)}
    left = {form: text for form, text in shown.items() if form in text}
    assert not left, f"not masked: {left}"


@given(text=st.text())
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assume("correct-horse" not in text)
    assert redactor_of("correct-horse-battery")(text) == text


def test_only_the_secret_is_masked() -> None:
    redactor = redactor_of("tok-123456")
    assert redactor("a tok-123456, b tok-123456.") == f"a {MASK}, b {MASK}."
    assert redactor("a tok-12345") == "a tok-12345"


def test_a_secret_that_begins_like_another_is_masked_whole() -> None:
    for known in (("abcdef", "abcdefghij"), ("abcdefghij", "abcdef")):
        assert redactor_of(*known)("x abcdefghij y abcdef z") == f"x {MASK} y {MASK} z"


@pytest.mark.parametrize("short", ["", "a", "ab", "abc"])
def test_a_text_too_short_to_be_a_secret_does_not_mask_every_line(short: str) -> None:
    assert redactor_of(short)("abc is as easy as ab") == "abc is as easy as ab"


def test_masking_again_changes_nothing() -> None:
    redactor = redactor_of(TOKEN, "another-token")
    texts = [f"{TOKEN} and another-token"]
    texts += [redactor(texts[-1])] * 2
    assert all(redactor(later) == redactor(earlier) for earlier, later in pairwise(texts)), texts
