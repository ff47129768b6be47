"""How many examples a property test tries that needs more than usual."""

from __future__ import annotations

import os

from hypothesis import settings

USUAL = 100 if os.environ.get("CI") else 50
"""Examples of a property test: what hypothesis takes by itself, in `.ci/run`; else half of it."""
MUTATION = "mutation"
"""The profile of `make mutation`, which runs each test for thousands of mutants."""


def examples(many: int) -> settings:
    """So many examples in `.ci/run`, else half; the profile's few where mutants are tried."""
    if settings.get_current_profile_name() == MUTATION:
        return settings()
    return settings(max_examples=many * USUAL // 100, deadline=None)
