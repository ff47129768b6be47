"""One account a database (rule 15): decided from URL, fingerprint and the products' ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.account import Identity, Recognition, fingerprint, recognise

HERE = Identity(base_url="https://a.example", fingerprint="old")
NEW_TOKEN = Identity(base_url="https://a.example", fingerprint="new")
ELSEWHERE = Identity(base_url="https://b.example", fingerprint="old")

ids = st.frozensets(st.integers(1, 6))
identities = st.builds(
    Identity, base_url=st.sampled_from(["u", "v"]), fingerprint=st.sampled_from(["x", "y"])
)


@pytest.mark.parametrize(
    ("recorded", "ours", "mirrored", "listed", "word"),
    [
        (None, HERE, {1, 2}, set(), Recognition.ADOPT),
        (HERE, HERE, {1, 2}, set(), Recognition.SAME),
        (HERE, NEW_TOKEN, {1, 2}, {2, 3}, Recognition.ADOPT),
        (HERE, NEW_TOKEN, set(), {3}, Recognition.ADOPT),
        (HERE, NEW_TOKEN, {1, 2}, {3}, Recognition.REFUSE),
        (HERE, NEW_TOKEN, {1, 2}, set(), Recognition.REFUSE),
        (HERE, ELSEWHERE, {1, 2}, {1, 2}, Recognition.REFUSE),
        (HERE, ELSEWHERE, set(), set(), Recognition.REFUSE),
    ],
)
def test_who_is_who(
    recorded: Identity | None,
    ours: Identity,
    mirrored: set[int],
    listed: set[int],
    word: Recognition,
) -> None:
    assert recognise(recorded, ours, mirrored=mirrored, listed=listed) is word


@given(recorded=identities, ours=identities, mirrored=ids, listed=ids)
def test_a_mirror_with_products_is_never_given_to_who_sees_none_of_them(
    recorded: Identity, ours: Identity, mirrored: frozenset[int], listed: frozenset[int]
) -> None:
    word = recognise(recorded, ours, mirrored=mirrored, listed=listed)
    assert (word is Recognition.SAME) == (recorded == ours)
    if word is Recognition.ADOPT:
        assert recorded.base_url == ours.base_url
        assert not mirrored or mirrored & listed


@given(token=st.text(min_size=8), other=st.text(min_size=8), salt=st.text("0123456789abcdef"))
def test_a_fingerprint_tells_tokens_apart_and_nothing_else(
    token: str, other: str, salt: str
) -> None:
    salt = salt[:32]
    mark = fingerprint(token, salt)
    assert (mark == fingerprint(other, salt)) == (token == other)
    assert token not in mark
    assert fingerprint(token, salt + "x") != mark, "another salt, another fingerprint"


def test_a_fingerprint_stays_the_same_over_versions() -> None:
    """It is recorded in databases: another one would look like another token."""
    assert fingerprint("token", "salt") == "f2da84edcbcb3dec0ce9b3a3eec0e5d5"
