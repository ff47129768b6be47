"""Programs of the system that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_tool(name: str) -> str:
    """The path of a program; skips the test where it is missing, fails it under CI."""
    path = shutil.which(name)
    if path is None:
        reason = f"needs the program {name}, which is not installed here"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
