"""What the screen of `watch` is drawn for: its size, and what its characters are."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

READABLE = 110
"""Cells beyond which a line of short columns is no wider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The screen's size in cells, and whether its characters are ASCII only."""

    width: int
    height: int
    ascii_only: bool = False

    @property
    def more(self) -> str:
        """What stands for a text that was cut off."""
        return "~" if self.ascii_only else "…"


def both_ends(left: Text, right: Text, look: Look) -> Text:
    """Two texts, one at each end of the line; the right one is left out where they do not fit."""
    gap = look.width - left.cell_len - right.cell_len
    if gap < 2:
        return left
    return Text.assemble(left, " " * gap, right)
