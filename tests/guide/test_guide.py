"""Every example of every page of the guide works as it stands there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from simulator import Simulator
from tests.guide.page import ROOT, carry_out, programs_of
from tests.tools import needs_tool

PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page(page: Path, simulator: Simulator) -> None:
    for program in sorted(programs_of(page)):
        needs_tool(program)
    settings = {
        "TESTIO_CUSTOMER_API_BASE_URL": simulator.base_url,
        "TESTIO_CUSTOMER_API_TOKEN": simulator.token,
    }
    # A short path: the socket stands beside the database, as in a real home.
    with tempfile.TemporaryDirectory(prefix="guide-", ignore_cleanup_errors=True) as folder:
        outcomes = carry_out(page, Path(folder), settings)
    complaints = [outcome.complaint for outcome in outcomes if outcome.complaint]
    assert outcomes, f"{page.name} has no example"
    assert not complaints, "\n\n".join(complaints)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_readme_leads_to_the_page(page: Path) -> None:
    assert f"docs/guide/{page.name}" in README
