"""What the daemon keeps of memory that it no longer uses."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from service.daemon.allocator import ARENAS, give_back_early
from tests.homes import Home

HEAP_BYTES = 64 << 20
"""An arena of glibc lies in pieces of this size, each at a multiple of it (64 bits)."""
WITH_GLIBC = sys.platform == "linux" and "CS_GNU_LIBC_VERSION" in os.confstr_names
LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ 0 *$")


def arenas_of_threads(pid: int) -> int:
    """How many such pieces a process has: some of it used, all the rest kept for it."""
    mapped = [LINE.match(line) for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]
    nameless = [(int(m[1], 16), int(m[2], 16), m[3]) for m in mapped if m]
    return sum(
        used[0] % HEAP_BYTES == 0
        and used[1] == kept[0]
        and kept[1] - used[0] == HEAP_BYTES
        and (used[2], kept[2]) == ("rw-p", "---p")
        for used, kept in itertools.pairwise(nameless)
    )


@pytest.mark.skipif(not WITH_GLIBC or sys.maxsize < 2**32, reason="glibc on 64 bits alone")
def test_many_threads_share_few_arenas(home: Home) -> None:
    home.settings["MAX_CONCURRENT_API_REQUESTS"] = "16"
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    assert len(os.listdir(f"/proc/{daemon.pid}/task")) > 20
    assert arenas_of_threads(daemon.pid) <= ARENAS - 1, "one is the main thread's, elsewhere"


def _unknown(_name: str) -> str:
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize("version", [_unknown, lambda _name: None], ids=["no name", "no glibc"])
def test_another_c_library_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, version: Callable[[str], str | None]
) -> None:
    monkeypatch.setattr(os, "confstr", version)
    assert not give_back_early()
