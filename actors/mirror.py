"""Writes the pages of all workers, one after the other, and acknowledges each."""

from __future__ import annotations

from typing import assert_never

from actors.base import Address, BaseActor, safe_tell
from actors.clock import Clock
from actors.messages import MirrorMessage, PageRefused, PageStored, Ping, StorePage
from actors.parts import MirrorStore
from rules.model import ErrorKind, Problem
from storage.errors import StorageError


class Mirror(BaseActor):
    """One of; runs on its own thread. Pages of a run that is over are refused.

    A page that the database does not take is refused with the reason: its product fails. A crash
    fails the products whose pages were not acknowledged.
    """

    def __init__(self, *, supervisor: Address, store: MirrorStore, clock: Clock) -> None:
        super().__init__(role="mirror", supervisor=supervisor)
        self._store = store
        self._clock = clock

    def handle(self, message: MirrorMessage) -> bool:
        """Dispatch by type."""
        match message:
            case StorePage():
                safe_tell(message.reply_to, self._store_page(message))
                return True
            case Ping():
                return True
            case _:
                assert_never(message)

    def _store_page(self, message: StorePage) -> PageStored | PageRefused:
        if message.ticket.is_over:
            return _refused(message, ErrorKind.CANCELLED, "the run is over")
        try:
            stored = self._store.store_page(
                message.page, run_id=message.ticket.run_id, at=self._clock.now()
            )
        except StorageError as error:
            return _refused(message, ErrorKind.STORAGE, str(error))
        message.ticket.written.add(message.page.kind, stored.counts)
        return PageStored(attempt=message.attempt, stored=stored)


def _refused(message: StorePage, kind: ErrorKind, why: str) -> PageRefused:
    return PageRefused(attempt=message.attempt, problem=Problem(kind=kind, message=why))
