"""The first phase: the list of products itself."""

from __future__ import annotations

from actors.messages import RunTicket
from actors.phase import PhaseActor, Work
from rules.model import PRODUCT_LIST, SyncPhase


class ProductsPhase(PhaseActor):
    """One of; see PhaseActor for its thread and its failures. A worker makes the one request."""

    phase = SyncPhase.PRODUCTS

    def find_work(self, ticket: RunTicket) -> Work:  # noqa: ARG002
        """One list, whatever the run's scope: it is one request, and it says which ids exist."""
        return Work(product_ids=(PRODUCT_LIST,))
