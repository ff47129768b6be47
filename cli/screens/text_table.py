"""Tables for a screen of fixed size: each row one line, as wide as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

GAP = 2
READABLE = 110
"""Cells beyond which a line of short columns is no wider."""
NARROWEST = 12
"""Cells that the flexible column keeps before other columns are left out."""

Cell = str | Callable[[int], Text]
"""A text, or what makes one of so many cells."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `flexible`: takes the room that is left. `keep`: the lowest is left out first,
    where the room is short.
    """

    title: str
    cells: Sequence[Cell]
    styles: Sequence[str] = ()
    right: bool = False
    flexible: bool = False
    keep: int = 99

    @property
    def width(self) -> int:
        """The cells that it needs; as many as must be for a flexible one."""
        if self.flexible:
            return NARROWEST
        texts = [cell for cell in self.cells if isinstance(cell, str)]
        return max(cell_len(text) for text in (self.title, *texts))


def make_lines(
    columns: Sequence[Column], width: int, *, more: str, head: bool = True
) -> list[Text]:
    """A line of titles, dimmed, and one line a row. `more` stands for what is cut off."""
    shown = _fitting([column for column in columns if any(column.cells)], width)
    widths = _widths(shown, width)
    titles = _line([column.title for column in shown], shown, widths, more, "dim")
    rows = [
        _line([column.cells[row] for column in shown], shown, widths, more, "", row)
        for row in range(len(columns[0].cells))
    ]
    return [titles, *rows] if head else rows


def _fitting(columns: list[Column], width: int) -> list[Column]:
    shown = columns
    while len(shown) > 1 and sum(c.width + GAP for c in shown) - GAP > width:
        least = min(shown, key=lambda column: column.keep)
        shown = [column for column in shown if column is not least]
    return shown


def _widths(columns: list[Column], width: int) -> list[int]:
    left = width - sum(column.width + GAP for column in columns) + GAP
    return [column.width + (max(0, left) if column.flexible else 0) for column in columns]


def _line(
    cells: Sequence[Cell],
    columns: list[Column],
    widths: list[int],
    more: str,
    style: str,
    row: int | None = None,
) -> Text:
    line = Text()
    for place, (cell, column, width) in enumerate(zip(cells, columns, widths, strict=True)):
        if place:
            line.append(" " * GAP)
        if isinstance(cell, str):
            own = column.styles[row] if row is not None and column.styles else style
            line.append(sized(cell, width, more=more, right=column.right), own)
        else:
            line.append_text(cell(width))
    return line


def sized(text: str, width: int, *, more: str, right: bool = False) -> str:
    """The text in exactly so many cells, whatever script it is in."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - cell_len(more))) + more[: max(0, width)]
    padding = " " * (width - length)
    return padding + text if right else text + padding


def both_ends(left: Text, right: Text, look: Look) -> Text:
    """Two texts, one at each end of the line; the right one is left out where they do not fit."""
    gap = look.width - left.cell_len - right.cell_len
    if gap < 2:
        return left
    return Text.assemble(left, " " * gap, right)
