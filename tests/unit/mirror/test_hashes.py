"""What a hash is of: the content, in whatever form, and each byte of it, however many there are."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from rules.mirror.contents import HASH_CHUNK, hash_of_stored, hash_of_text, stored_form
from rules.model import Kind

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "record", "content"),
    [
        (Kind.PRODUCTS, {"id": 1, "test": 5}, {"id": 1, "test": 5}),
        (Kind.BUGS, {"id": 1, "test": 5}, {"id": 1}),
        (Kind.FEATURES, {"id": 1, "section_ids": [2], "test": 5}, {"id": 1, "test": 5}),
        (
            Kind.FEATURES,
            {"id": 1, "user_stories": [{"id": 2, "title": "a"}]},
            {"id": 1, "user_stories": ["a"]},
        ),
        (Kind.TESTS, {"id": 1, "title": "a"}, {"id": 1, "title": "a", "test_title": "a"}),
        (
            Kind.TESTS,
            {"id": 1, "features": [{"user_stories": [{"id": 2, "title": "a"}]}]},
            {"id": 1, "features": [{"user_stories": ["a"]}]},
        ),
    ],
)
def test_the_hash_of_a_record_is_that_of_its_content(
    kind: Kind, record: Json, content: Json
) -> None:
    expected = hash_of_text(stored_form(Kind.PRODUCTS, content)[0])
    text, digest = stored_form(kind, record)
    assert digest == expected
    assert hash_of_stored(kind, text) == expected


@pytest.mark.parametrize("kind", [Kind.PRODUCTS, Kind.FEATURES, Kind.TESTS, Kind.BUGS])
@pytest.mark.parametrize("text", ['{"b": 1, "a": 2}', "[]", "7", '"text"'])
def test_a_text_that_is_content_as_a_whole_has_the_hash_of_the_text(kind: Kind, text: str) -> None:
    """So one that this program has not written is told from one that it has."""
    assert hash_of_stored(kind, text) == hash_of_text(text)


@pytest.mark.parametrize(
    "length", [0, 1, *(HASH_CHUNK + n for n in (-1, 0, 1)), 3 * HASH_CHUNK, 9_999]
)
def test_a_long_text_has_the_hash_of_all_of_it(length: int) -> None:
    text = "".join(chr(97 + at % 23) for at in range(length))
    whole = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    assert hash_of_text(text) == whole


@pytest.mark.parametrize(
    ("key", "told"), [("number", "number"), ("large number", "'large number'")]
)
def test_what_json_has_not_is_refused_by_the_name_of_its_field(key: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told} cannot be stored as JSON: Integer exceeds"):
        stored_form(Kind.PRODUCTS, {"id": 1, key: 2**64, "more": "text"})
