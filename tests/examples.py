"""How many examples a property test tries that needs more than usual."""

from __future__ import annotations

from hypothesis import settings

MUTATION = "mutation"
"""The profile of `make mutation`, which runs each test for thousands of mutants."""


def examples(many: int) -> settings:
    """So many examples, or the profile's few where mutants are tried."""
    if settings.get_current_profile_name() == MUTATION:
        return settings()
    return settings(max_examples=many, deadline=None)
