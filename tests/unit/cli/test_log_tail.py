"""A log file is read from its end, and followed over all that is done to log files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.logtail import log_tail
from cli.logtail.log_tail import FileTail


def every(_line: str) -> bool:
    return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "daemon.log"
    made.write_text("one\ntwo\nthree\n", encoding="utf-8")
    return made


@pytest.fixture
def tail(path: Path) -> Iterator[FileTail]:
    made = FileTail(path)
    yield made
    made.close()


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_the_last_lines_and_then_what_comes(path: Path, tail: FileTail) -> None:
    assert tail.last(2, every) == ["two", "three"]
    assert tail.poll() == []
    append(path, "four\nfi")
    assert tail.poll() == ["four"]
    append(path, "ve\n")
    assert tail.poll() == ["five"]


def test_only_the_wanted_ones_count(tail: FileTail) -> None:
    assert tail.last(1, lambda line: "w" in line) == ["two"]


def test_a_line_that_is_being_written_is_shown_once_and_whole(path: Path, tail: FileTail) -> None:
    append(path, "fo")
    assert tail.last(2, every) == ["two", "three"]
    append(path, "ur\n")
    assert tail.poll() == ["four"]


def test_a_last_line_without_an_end_is_not_lost(path: Path, tail: FileTail) -> None:
    """Where nobody follows, it is shown as it is."""
    append(path, "killed in the mid")
    assert tail.last(2, every, whole=False) == ["three", "killed in the mid"]


def test_rotated_away_the_old_file_is_read_to_its_end_first(path: Path, tail: FileTail) -> None:
    tail.last(1, every)
    old = path.rename(path.with_suffix(".1"))
    assert tail.poll() == [], "the writer still has the old one"
    append(old, "four\n")
    assert tail.poll() == ["four"]
    append(old, "five\nhalf")
    path.write_text("six\n", encoding="utf-8")
    assert tail.poll() == ["five", "half", "six"]
    append(path, "seven\n")
    assert tail.poll() == ["seven"]


def test_emptied_in_place_it_begins_anew(path: Path, tail: FileTail) -> None:
    tail.last(1, every)
    path.write_text("a\n", encoding="utf-8")
    assert tail.poll() == ["a"]


def test_a_file_that_comes_later(path: Path, tail: FileTail) -> None:
    path.unlink()
    with pytest.raises(FileNotFoundError):
        tail.last(1, every)
    assert tail.poll() == []
    path.write_text("first\n", encoding="utf-8")
    assert tail.poll() == ["first"]


@given(
    lines=st.lists(st.text(alphabet="ab é", max_size=9), max_size=30),
    count=st.integers(1, 40),
    block=st.integers(1, 20),
)
def test_blocks_of_any_size_give_the_same_lines(
    lines: list[str], count: int, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "daemon.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_tail, "BLOCK", block)
        tail = FileTail(path)
        assert tail.last(count, every) == [line for line in lines if line][-count:]
        tail.close()
