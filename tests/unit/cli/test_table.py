"""Tables fit any width, and no line of them ends in blanks."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.screens.screen import bytes_text, duration_text, make_table
from cli.screens.table import PlainTable
from rules.text.nearest import enumerated, nearest_ids, nearest_word
from rules.text.wording import counted

ROWS = (
    ("1216 Saffron Player for very small screens", "features", "150", "partial since yesterday"),
    ("7", "tests", "1", "complete"),
)


def lines(table: PlainTable, width: int) -> list[str]:
    """What is printed at this width."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None, markup=False).print(table)
    return file.getvalue().splitlines()


def table(rows: tuple[tuple[str, ...], ...] = ROWS, *, wrap: bool = False) -> PlainTable:
    made = make_table("Rows", "product", "kind", ">rows", "what", drop=("rows",), wrap=wrap)
    for row in rows:
        made.add_row(*row)
    return made


def test_a_narrow_screen_shortens_cells_then_drops_columns() -> None:
    assert lines(table(), 100)[1].split() == ["product", "kind", "rows", "what"]
    assert lines(table(), 100)[2].startswith(ROWS[0][0])
    narrow = lines(table(), 60)
    assert narrow[1].split() == ["product", "kind", "what"]
    assert "…" in narrow[2]
    assert "complete" in narrow[3]
    assert len(narrow) == len(lines(table(), 100)), "no row goes over two lines"


cells = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60)


@given(st.lists(st.tuples(cells, cells, cells, cells), max_size=4), st.integers(20, 120))
def test_no_line_is_too_long_or_ends_in_blanks(rows: list[tuple[str, ...]], width: int) -> None:
    from rich.cells import cell_len

    for wrap in (True, False):
        for line in lines(table(tuple(rows), wrap=wrap), width):
            assert cell_len(line) <= width
            assert line == line.rstrip()


def test_a_text_that_goes_on_stands_below_itself() -> None:
    long = " ".join(["word"] * 20)
    shown = lines(table((("7", "tests", "1", long),), wrap=True), 50)
    column = shown[1].index("what")
    assert len(shown) > 3
    assert {line[:column].strip() for line in shown[3:]} == {""}
    assert " ".join(line[column:] for line in shown[2:]) == long


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (counted(1, "product"), "1 product"),
        (counted(1200, "test"), "1,200 tests"),
        (counted(2, "story", "stories"), "2 stories"),
        (enumerated([1]), "1"),
        (enumerated([1, 2, 3]), "1, 2 and 3"),
        (nearest_word("runing", ["archived", "running"]), "running"),
        (nearest_word("xyz", ["archived", "running"]), None),
        (nearest_ids(99, [1, 2, 40, 50, 60]), [40, 50, 60]),
        (nearest_ids(99, []), []),
        (bytes_text(999), "999 bytes"),
        (bytes_text(1_250_000), "1.2 MB"),
        (duration_text(3.14, precise=True), "3.1 s"),
    ],
)
def test_words(words: object, expected: object) -> None:
    assert words == expected
