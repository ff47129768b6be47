"""Pages of docs/ that are made from the code are made from the code as it is."""

from __future__ import annotations

import pytest

from tests.pages.made import PAGES, ROOT


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_one_that_the_code_makes(name: str) -> None:
    made = (ROOT / name).read_text(encoding="utf-8")
    assert made == PAGES[name](), "make it again with: make pages"
