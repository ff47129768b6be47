"""What a test needs of the machine."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ON_CI = bool(os.environ.get("CI"))
only_on_ci = pytest.mark.skipif(not ON_CI, reason="takes long: .ci/run tries it, or CI=1")
"""For what no change is likely to break, or others show in a part; nothing else may be left out."""


def needs_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is set."""
    path = shutil.which(name)
    if path is None:
        lacking(f"the program {name}, which is not installed")
    return path


def lacking(what: str) -> NoReturn:
    """Skip the test, which needs `what`; it fails where CI is set."""
    if ON_CI:
        pytest.fail(f"needs {what}")
    pytest.skip(f"needs {what}")


def may_become_another() -> bool:
    """Whether a process of a test can be another user's: root starts it, and others may read the
    checkout and its environment, which a folder of somebody's own forbids."""
    if os.geteuid() != 0:
        return False
    places = [Path(__file__).resolve(), Path(sys.executable).absolute()]
    return all(folder.stat().st_mode & 0o005 == 0o005 for each in places for folder in each.parents)
