"""One account a database: may this token write into the mirror that is there? (rule 15)"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Recognition(StrEnum):
    """What an account is to a mirror."""

    SAME = "same"
    ADOPT = "adopt"
    """The mirror's account, but to be recorded: the first time, or with a new token."""
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How an account is recognised without its token being kept."""

    base_url: str
    fingerprint: str


def fingerprint(token: str, salt: str) -> str:
    """What is recorded of a token: it tells whether another one is the same, and no more."""
    return hashlib.blake2b(token.encode(), key=salt.encode(), digest_size=16).hexdigest()


def recognise(
    recorded: Identity | None,
    ours: Identity,
    *,
    mirrored: Collection[int],
    listed: Collection[int],
) -> Recognition:
    """Decide, from the ids of the mirror's products and of those that the account lists now.

    Tokens change; an account whose new token sees not one product of the mirror is another one.
    """
    if recorded is None:
        return Recognition.ADOPT
    if recorded.base_url != ours.base_url:
        return Recognition.REFUSE
    if recorded.fingerprint == ours.fingerprint:
        return Recognition.SAME
    if not mirrored or set(mirrored) & set(listed):
        return Recognition.ADOPT
    return Recognition.REFUSE
