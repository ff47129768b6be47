"""A plain table that fits the screen, with no blanks at the end of a line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = 2
READABLE = 22
"""To this width columns are shortened before others are left out."""

SHORTEST = 10
"""No column is made narrower than this."""

FILLING = 12
"""What the column that fills the width gets before other columns are left out."""

Cell = Text | Callable[[int], Text]
"""A text, or what makes one of so many cells, for the column that fills the width."""


@dataclass(slots=True)
class Column:
    """One column: its cells, how wide it is shown, and how it may give way."""

    name: str
    is_right: bool
    fills: bool
    cells: list[Cell]
    width: int = 0

    def natural(self) -> int:
        """The width that shows every cell whole; the least for a column that fills the rest."""
        if self.fills:
            return FILLING
        texts = (cell for cell in self.cells if isinstance(cell, Text))
        return max(cell.cell_len for cell in (Text(self.name), *texts))


class PlainTable:
    """Cells in columns; `Console.print` lays them out for the console's width.

    A column's name that begins with `>` is aligned to the right; one that begins with `*` takes the
    room that is left. Where the width does not do, the columns `shorten` lose their ends, the
    widest first; then the columns `drop` are left out, in this order. `wrap` is the last column,
    if its text is to go on below itself instead.
    """

    def __init__(
        self,
        title: str,
        *columns: str,
        shorten: Collection[str] = (),
        drop: Sequence[str] = (),
        wrap: bool = False,
    ) -> None:
        self._title = title
        self._columns = [
            Column(name.lstrip(">*"), name.startswith(">"), name.startswith("*"), [])
            for name in columns
        ]
        self._shorten = frozenset(shorten)
        self._drop = drop
        self._wrap = wrap

    def add_row(self, *cells: str | Cell) -> None:
        """One row, a cell for each column; its text is harmless already."""
        for column, cell in zip(self._columns, cells, strict=True):
            column.cells.append(Text(cell) if isinstance(cell, str) else cell)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._columns[0].cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, for rich."""
        if self._title:
            yield cropped(Text(self._title, style="bold"), options.max_width)
        shown = self._fitted(self._columns, options.max_width)
        yield _head(shown, options.max_width)
        for number in range(self.row_count):
            yield from self._row(console, shown, number, options.max_width)

    def lines(self, width: int, *, more: str) -> list[Text]:
        """The names, then a line a row, without columns that are empty; `more`: for what is cut."""
        shown = self._fitted([column for column in self._columns if any(column.cells)], width)
        rows = zip(*(column.cells for column in shown), strict=True)
        return [_head(shown, width, more), *(_line(shown, cells, width, more) for cells in rows)]

    def _row(
        self, console: Console, shown: list[Column], number: int, width: int
    ) -> Sequence[Text]:
        cells = [column.cells[number] for column in shown]
        last, room = cells[-1], width - _taken(shown[:-1])
        is_whole = not self._wrap or room < SHORTEST
        if is_whole or not isinstance(last, Text) or last.cell_len <= room:
            return [_line(shown, cells, width)]
        shown[-1].width = room
        first, *rest = last.wrap(console, room)
        first.rstrip()
        indent = " " * _taken(shown[:-1])
        lines = [_line(shown, [*cells[:-1], first], width)]
        for text in rest:
            text.rstrip()
            lines.append(Text.assemble(indent, text))
        return lines

    def _fitted(self, columns: Sequence[Column], width: int) -> list[Column]:
        """Those of the columns to show, with their widths."""
        shown = list(columns)
        self._shrink(shown, width, READABLE)
        for name in self._drop:
            if self._fits(shown, width):
                break
            shown = [column for column in shown if column.name != name]
            self._shrink(shown, width, READABLE)
        if not self._fits(shown, width):
            self._shrink(shown, width, SHORTEST)
        for column in shown:
            column.width += max(0, width + GAP - _taken(shown)) if column.fills else 0
        return shown

    def _fits(self, shown: list[Column], width: int) -> bool:
        """A last column that wraps needs no room for all of its text."""
        last = min(shown[-1].width, READABLE) if self._wrap else shown[-1].width
        return _taken(shown[:-1]) + last <= width

    def _shrink(self, shown: list[Column], width: int, least: int) -> None:
        """From the natural widths on take cells from the widest that may be shortened."""
        for column in shown:
            column.width = column.natural()
        may = [column for column in shown if column.name in self._shorten]
        while may and not self._fits(shown, width):
            widest = max(may, key=lambda column: column.width)
            if widest.width <= least:
                return
            widest.width -= 1


def _taken(columns: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in columns)


def _head(columns: Sequence[Column], width: int, more: str = "…") -> Text:
    return _line(columns, [Text(column.name, style="dim") for column in columns], width, more)


def _line(columns: Sequence[Column], cells: Sequence[Cell], width: int, more: str = "…") -> Text:
    """The cells side by side; nothing behind the last one."""
    line = Text()
    for column, cell in zip(columns, cells, strict=True):
        room = column.width
        shown = cropped(cell, room, more) if isinstance(cell, Text) else cell(room)
        blanks = " " * (room - shown.cell_len)
        line.append_text(Text.assemble(blanks, shown) if column.is_right else shown)
        line.append("" if column.is_right else blanks)
        line.append(" " * GAP)
    line.rstrip()
    return cropped(line, width, more)


def cropped(text: Text, width: int, more: str = "…") -> Text:
    """The text in so many cells at most; `more`, one cell, stands for what was cut off."""
    copy = text.copy()
    if copy.cell_len > max(1, width):
        copy.plain = set_cell_size(copy.plain, max(0, width - 1)) + more
    return copy
