"""Where the remote shows a page of a list that the mirror holds: its address below the base URL."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from rules.model import PRODUCT_LIST, Kind
from rules.windows import Window

Query = tuple[tuple[str, str | int], ...]

WITH_STORIES: Query = (("includes[]", "user_stories"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlace:
    """One page of one product's list; `page_size` 0 where the list is not paged."""

    product_id: int
    kind: Kind
    path: str
    query: Query = ()
    page_size: int = 0

    @property
    def url(self) -> str:
        """Path and query."""
        return self.path + (f"?{urlencode(self.query)}" if self.query else "")


def page_of_products() -> PagePlace:
    """The list of products."""
    return PagePlace(product_id=PRODUCT_LIST, kind=Kind.PRODUCTS, path="/products")


def page_of_features(product_id: int) -> PagePlace:
    """A product's features by the plain endpoint."""
    return PagePlace(
        product_id=product_id,
        kind=Kind.FEATURES,
        path=f"/products/{product_id}/features",
        query=WITH_STORIES,
    )


def path_of_tests(product_id: int) -> str:
    """Where a product's tests are listed."""
    return f"/products/{product_id}/exploratory_tests"


def page_of_tests(product_id: int, window: Window) -> PagePlace:
    """One window of a product's tests."""
    return PagePlace(
        product_id=product_id,
        kind=Kind.TESTS,
        path=path_of_tests(product_id),
        query=(("page", window.page), ("per_page", window.per_page)),
        page_size=window.per_page,
    )
