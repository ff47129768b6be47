"""The pages of docs/ that are made from the code, as they have to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.pages.findings import findings_page
from tests.pages.log_events import log_events_page

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "docs/findings.md": findings_page,
    "docs/log-events.md": log_events_page,
}
"""Each with what makes it."""
