"""Programs of the system that some tests need."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_tool(name: str) -> str:
    """The path of a program; without it the test is skipped, on CI it fails."""
    found = shutil.which(name)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and CI has to run this test")
    pytest.skip(f"{name} is not installed")
