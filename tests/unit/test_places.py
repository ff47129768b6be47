"""Where the remote shows a page, and where an ETag of it is kept."""

from __future__ import annotations

from rules.model import Kind
from rules.page_tags import HeldPage, HeldRow, PageTag, held_page, tag_for
from rules.places import PagePlace, page_of_features, page_of_products, page_of_tests
from rules.windows import Window


def test_the_list_of_products() -> None:
    place = page_of_products()
    assert place == PagePlace(product_id=0, kind=Kind.PRODUCTS, path="/products")
    assert place.url == "/products"


def test_the_features_of_a_product_with_their_stories() -> None:
    place = page_of_features(7)
    assert (place.product_id, place.kind, place.page_size) == (7, Kind.FEATURES, 0)
    assert place.url == "/products/7/features?includes%5B%5D=user_stories"


def test_a_window_of_the_tests_of_a_product() -> None:
    place = page_of_tests(7, Window(page=3, per_page=25))
    assert (place.product_id, place.kind, place.page_size) == (7, Kind.TESTS, 25)
    assert place.url == "/products/7/exploratory_tests?page=3&per_page=25"


def test_a_tag_is_kept_with_its_place_and_read_with_its_rows() -> None:
    place = page_of_features(7)
    tag = tag_for(place, '"a"', ids=[2, 1], contents=[(2, "x"), (1, "y")], mapping=3)
    assert tag == PageTag(place=place, etag='"a"', ids=(2, 1), digest=DIGEST, mapping=3)
    rows = [HeldRow(1, "y"), HeldRow(2, "x")]
    assert held_page(tag, rows, mapping=3) == HeldPage(tag=tag, rows=(rows[1], rows[0]))


DIGEST = "ef0d222f2d86c12b2780128da329da92"
"""Kept in databases: another one would make every tag useless once."""
