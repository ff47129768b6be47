"""What fetching has to know of the mirror; each call opens and closes a handle of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rules.listing.planning import CursorState
from rules.mirror.fetching import Entity, Freshness
from rules.model import Kind
from rules.records import HoleRecord
from storage.engine import readonly
from storage.engine.readonly import open_readonly
from storage.reads import lookups, queries, verify_queries
from storage.writes import listing_state


@dataclass(frozen=True, slots=True)
class MirrorView:
    """Reads of one database file. Every method raises StorageError."""

    path: Path

    def freshness(self, entity: Entity) -> Freshness:
        """How well an entity is known."""
        with open_readonly(self.path) as connection:
            return lookups.freshness_of(connection, [entity])[entity]

    def sections(self, product_id: int) -> tuple[int, ...]:
        """The sections of a product; empty for one without."""
        with readonly.open_readonly(self.path) as connection:
            ids, _as_of = queries.sections_of(connection, product_id)
        return ids

    def is_by_section(self, product_id: int) -> bool:
        """Whether a sync has read the product's features section by section."""
        with open_readonly(self.path) as connection:
            return verify_queries.is_by_section(connection, product_id)

    def holds_test(self, test_id: int) -> bool:
        """Whether the mirror knows this test."""
        with open_readonly(self.path) as connection:
            return lookups.is_test_stored(connection, test_id)

    def cursor(self, product_id: int) -> CursorState:
        """What earlier listings of a product's tests came to."""
        with open_readonly(self.path) as connection:
            return listing_state.cursor(connection, product_id, Kind.TESTS)

    def holes(self, product_id: int) -> tuple[HoleRecord, ...]:
        """The tests of a product that the remote cannot show."""
        with open_readonly(self.path) as connection:
            found = listing_state.holes(connection, product_id, datetime.now(UTC))
        return tuple(hole for hole, _is_due in found)

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]:
        """Those of these tests that a finished listing has confirmed, with this very content."""
        with open_readonly(self.path) as connection:
            return listing_state.known_tests(connection, product_id, hashes)

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        """The tests of a product that can still change."""
        with readonly.open_readonly(self.path) as connection:
            return listing_state.open_tests(connection, product_id)
