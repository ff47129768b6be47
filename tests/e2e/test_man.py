"""The manual page is that of this program, is well-formed, shows itself, and is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cli.main import VERBS
from cli.verbs.man import manual_page
from config.settings import names
from service.exit_status import MEANINGS, ExitStatus
from tests.tools import needs_tool

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "man" / "testio-sync.1"
MEANT = "WARNING: missing date"
"""A date would have to be kept up by hand, and the version tells more."""


def test_the_page_is_made_from_the_parsers_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == manual_page(), "make it again with: make man"


def test_every_exit_status_has_the_meaning_that_the_readme_tells() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Exit statuses")[2]
    told = re.findall(r"^\| (\d+) \| (.*) \|$", readme, re.MULTILINE)
    assert {int(n): text.replace("`", "") for n, text in told} == {
        int(status): MEANINGS[status] for status in ExitStatus
    }


def test_its_form_has_no_fault() -> None:
    words = [needs_tool("mandoc"), "-T", "lint", "-W", "warning", str(PAGE)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert [x for x in ended.stdout.splitlines() if MEANT not in x] == []


def test_man_shows_all_of_it() -> None:
    ended = subprocess.run(
        [needs_tool("man"), "-l", str(PAGE)],
        env={"PATH": os.environ["PATH"], "MANWIDTH": "100", "LANG": "C.UTF-8", "MANROFFOPT": "-c"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    shown = re.sub(".\b", "", ended.stdout)
    assert "testio-sync - mirror a Test IO account into a local SQLite database" in shown
    wanted = [f"\n   {verb}\n" for verb in VERBS] + [f" {name}\n" for name in names().values()]
    assert [text for text in wanted if text not in shown] == []


def test_the_package_brings_it_along(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the package")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    packed = zipfile.ZipFile(wheel)
    (page,) = (name for name in packed.namelist() if name.endswith(".1"))
    assert page.endswith(".data/data/share/man/man1/testio-sync.1")
    assert packed.read(page) == PAGE.read_bytes()
