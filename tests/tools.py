"""Programs of the system that a test needs."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI is set."""
    path = shutil.which(name)
    if path is None:
        reason = f"needs the program {name}, which is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
