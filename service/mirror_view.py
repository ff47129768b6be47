"""What fetching has to know of the mirror; each call opens and closes a handle of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rules.fetching import Entity, Standing
from storage import listing_state, lookups, queries, verify_queries
from storage.queries import open_readonly


@dataclass(frozen=True, slots=True)
class MirrorView:
    """Reads of one database file. Every method raises StorageError."""

    path: Path

    def standing(self, entity: Entity) -> Standing:
        """How well an entity is known."""
        with open_readonly(self.path) as connection:
            return lookups.standings(connection, [entity])[entity]

    def sections(self, product_id: int) -> tuple[int, ...]:
        """The sections of a product; empty for one without."""
        with queries.open_readonly(self.path) as connection:
            ids, _as_of = queries.sections_of(connection, product_id)
        return ids

    def is_by_section(self, product_id: int) -> bool:
        """Whether a sync has read the product's features section by section."""
        with open_readonly(self.path) as connection:
            return verify_queries.is_by_section(connection, product_id)

    def holds_test(self, test_id: int) -> bool:
        """Whether the mirror knows this test."""
        with open_readonly(self.path) as connection:
            return lookups.is_test_held(connection, test_id)

    def known_contents(self, product_id: int, test_ids: Sequence[int]) -> Mapping[int, str]:
        """The content hashes of these tests, as far as they are vouched for."""
        with open_readonly(self.path) as connection:
            return lookups.known_contents(connection, product_id, test_ids)

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        """The tests of a product that can still change."""
        with queries.open_readonly(self.path) as connection:
            return listing_state.open_tests(connection, product_id)
