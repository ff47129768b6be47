"""Programs that a test needs and that do not come with Python."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_tool(name: str) -> str:
    """The path of a program. Skips the test where it is missing; under CI that is a failure."""
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"{name} is not installed; on Debian: apt-get install {name}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
