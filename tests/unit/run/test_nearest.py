"""What somebody may have meant, and things told as a sentence has them."""

from __future__ import annotations

from rules.text.nearest import enumerated, nearest_ids, nearest_word
from rules.text.wording import counted


def test_the_nearest_word_is_found_however_it_is_written() -> None:
    known = ["archived", "running", "run"]
    assert nearest_word("RUNING", known) == "running"
    assert nearest_word("archive", iter(known)) == "archived"
    assert nearest_word("xyz", known) is None


def test_a_word_has_to_be_like_it_by_half() -> None:
    assert nearest_word("abxy", ["abcd"]) == "abcd"
    assert nearest_word("axyz", ["abcd"]) is None


def test_the_three_nearest_ids_in_their_order() -> None:
    assert nearest_ids(50, [1, 45, 52, 60, 49]) == [45, 49, 52]
    assert nearest_ids(50, [49, 51, 48, 52]) == [48, 49, 51], "the smaller one of two as near"
    assert nearest_ids(50, [60, 40], count=1) == [40]
    assert nearest_ids(50, []) == []


def test_words_in_a_sentence() -> None:
    assert enumerated([1]) == "1"
    assert enumerated([1, 2]) == "1 and 2"
    assert enumerated(["a", "b", "c"], "or") == "a, b or c"


def test_a_number_with_its_noun() -> None:
    assert counted(1, "product") == "1 product"
    assert counted(0, "product") == "0 products"
    assert counted(1200, "test") == "1,200 tests"
    assert counted(2, "story", "stories") == "2 stories"
