"""Makes the pages of docs/ that are made from the code: `make pages`."""

from __future__ import annotations

from tests.pages.made import PAGES, ROOT

for name, make in PAGES.items():
    (ROOT / name).write_text(make(), encoding="utf-8")
    print(name)
