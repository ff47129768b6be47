"""The third phase: the tests of every product in scope."""

from __future__ import annotations

from actors.messages import RunTicket
from actors.phase import PhaseActor, Work, work_of_known_products
from rules.model import SyncPhase


class NewTestsPhase(PhaseActor):
    """One of; see PhaseActor for its thread and its failures."""

    phase = SyncPhase.NEW_TESTS
    reads_ahead = True

    def find_work(self, ticket: RunTicket) -> Work:
        """The products in scope."""
        return work_of_known_products(self._queries, ticket)
