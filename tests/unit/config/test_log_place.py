"""A daemon finds out where its log goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control.views import LogPlace, LogView
from service.log_place import journal_of, log_place
from tests.terminals import open_terminal


@contextmanager
def pipe() -> Iterator[int]:
    ends = os.pipe()
    yield ends[1]
    for end in ends:
        os.close(end)


def test_a_log_file_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert log_place(Path("a.log")) == LogView(place=LogPlace.FILE, name=str(tmp_path / "a.log"))


def test_a_file_that_stderr_goes_to(tmp_path: Path) -> None:
    path = tmp_path / "daemon.log"
    with path.open("w") as file:
        assert log_place(None, descriptor=file.fileno()) == LogView(
            place=LogPlace.FILE, name=str(path)
        )
        path.unlink()
        assert log_place(None, descriptor=file.fileno()) == LogView(place=LogPlace.FILE)


def test_a_pipe_a_terminal_and_nothing() -> None:
    with pipe() as end:
        assert log_place(None, descriptor=end).place is LogPlace.PIPE
    outer, inner = open_terminal()
    assert log_place(None, descriptor=inner) == LogView(
        place=LogPlace.TERMINAL, name=os.ttyname(inner)
    )
    os.close(outer)
    os.close(inner)
    assert log_place(None, descriptor=inner).place is LogPlace.NOWHERE, "it is closed"
    with open(os.devnull, "w") as null:
        assert log_place(None, descriptor=null.fileno()).place is LogPlace.NOWHERE


def test_the_journal_is_known_by_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    with pipe() as end:
        info = os.fstat(end)
        monkeypatch.setenv("JOURNAL_STREAM", f"{info.st_dev}:{info.st_ino}")
        assert log_place(None, descriptor=end).place in (LogPlace.JOURNAL, LogPlace.USER_JOURNAL)
        monkeypatch.setenv("JOURNAL_STREAM", f"{info.st_dev}:{info.st_ino + 1}")
        assert log_place(None, descriptor=end).place is LogPlace.PIPE, "inherited, then redirected"


@pytest.mark.parametrize(
    ("cgroup", "text"),
    [
        ("0::/system.slice/testio-sync.service\n", "journal testio-sync.service"),
        ("0::/system.slice/testio-sync.service/payload\n", "journal testio-sync.service"),
        ("0::/system.slice/system-sync.slice/sync@a.service\n", "journal sync@a.service"),
        (
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/mirror.service\n",
            "user-journal mirror.service",
        ),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", "journal"),
        ("12:cpu:/x\n1:name=systemd:/system.slice/old.service\n", "journal old.service"),
        ("", "journal"),
    ],
)
def test_the_unit_by_its_control_group(cgroup: str, text: str) -> None:
    view = journal_of(cgroup)
    assert str(view) == text
    assert LogView.of_text(text) == view
