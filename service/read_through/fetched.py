"""What one fetch brought, and what a reader of the remote has to know of the mirror."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rules.listing.planning import CursorState
from rules.mirror.fetching import Entity, Freshness
from rules.records import HoleRecord, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the remote answered. `as_of` None: not all was read, so the entity is not fresh."""

    pages: tuple[Page, ...]
    as_of: datetime | None
    message: str = ""


class KnownRows(Protocol):
    """What a reader has to know of the mirror. Every method may raise StorageError."""

    def freshness(self, entity: Entity) -> Freshness: ...

    def sections(self, product_id: int) -> tuple[int, ...]: ...

    def is_by_section(self, product_id: int) -> bool: ...

    def holds_test(self, test_id: int) -> bool: ...

    def cursor(self, product_id: int) -> CursorState: ...

    def holes(self, product_id: int) -> tuple[HoleRecord, ...]: ...

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]: ...

    def open_tests(self, product_id: int) -> tuple[int, ...]: ...
