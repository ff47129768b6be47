"""Words for numbers, so that no message says "1 products"."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 product`, `2 products`, `1,200 tests`; `many` if not one + s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
