"""Options of a run that cannot go together; the command line and the socket refuse the same."""

from __future__ import annotations

from collections.abc import Callable, Collection

EXCLUSIVE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "nuke",
        ("product_ids", "phases", "since", "incremental_only", "refresh_mutable", "dry_run"),
    ),
    ("force", ("incremental_only", "since")),
)
"""A fresh start is always of everything; `force` lists in full what the others would not."""


def contradiction(
    given: Collection[str], *, spelled: Callable[[str], str] = lambda name: name
) -> str | None:
    """What is wrong with options given together, all of it; None if nothing is.

    `spelled` gives an option's name as the asker knows it, `--dry-run` for `dry_run`, say.
    """
    wrong = [
        f"{spelled(one)} cannot go with {', '.join(map(spelled, clashing))}"
        for one, others in EXCLUSIVE
        if one in given and (clashing := [name for name in others if name in given])
    ]
    return "; ".join(wrong) or None
