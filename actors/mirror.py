"""Writes the pages of all workers, one after the other, and acknowledges each."""

from __future__ import annotations

from typing import assert_never

from actors.base import Address, BaseActor, safe_tell
from actors.clock import Clock
from actors.messages import (
    AdoptFresh,
    DropFresh,
    FreshAdopted,
    MirrorMessage,
    PageRefused,
    PageStored,
    Ping,
    RunTicket,
    StorePage,
)
from actors.parts import AccountGuard, FreshStore, MirrorStore
from rules.model import ErrorKind, Problem
from storage.errors import StorageError


class Mirror(BaseActor):
    """One of; runs on its own thread. Pages of a run that is over are refused.

    A page that the database does not take is refused with the reason: its product fails. A crash
    fails the products whose pages were not acknowledged, and a fresh start that was to be put in
    place: then the old mirror stays.
    """

    def __init__(
        self,
        *,
        supervisor: Address,
        store: MirrorStore,
        fresh: FreshStore | None,
        account: AccountGuard,
        clock: Clock,
    ) -> None:
        super().__init__(role="mirror", supervisor=supervisor)
        self._store = store
        self._fresh = fresh
        self._account = account
        self._clock = clock

    def handle(self, message: MirrorMessage) -> bool:
        """Dispatch by type."""
        match message:
            case StorePage():
                safe_tell(message.reply_to, self._store_page(message))
            case AdoptFresh():
                safe_tell(message.reply_to, self._adopt(message.ticket))
            case DropFresh():
                if self._fresh is not None:
                    self._fresh.discard()
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def _store_page(self, message: StorePage) -> PageStored | PageRefused:
        if message.ticket.is_over:
            return _refused(message, ErrorKind.CANCELLED, "the run is over")
        ticket = message.ticket
        store = self._fresh if ticket.is_fresh_start else self._store
        if store is None:
            return _refused(message, ErrorKind.STORAGE, "fresh starts are not possible here")
        try:
            stored = store.store_page(message.page, run_id=ticket.run_id, at=self._clock.now())
        except StorageError as error:
            return _refused(message, ErrorKind.STORAGE, str(error))
        written = ticket.staged if ticket.is_fresh_start else ticket.written
        written.add(message.page.kind, stored.counts)
        return PageStored(attempt=message.attempt, stored=stored)

    def _adopt(self, ticket: RunTicket) -> FreshAdopted:
        if ticket.is_over:
            return _not_adopted(ticket, ErrorKind.CANCELLED, "the run is over")
        if self._fresh is None:
            return _not_adopted(ticket, ErrorKind.STORAGE, "fresh starts are not possible here")
        try:
            account = self._account.identity()
            self._fresh.adopt(ticket.run_id, at=self._clock.now(), account=account)
        except StorageError as error:
            return _not_adopted(ticket, ErrorKind.STORAGE, str(error))
        for kind, counts in ticket.staged.by_kind().items():
            ticket.written.add(kind, counts)
        return FreshAdopted(run_id=ticket.run_id)


def _not_adopted(ticket: RunTicket, kind: ErrorKind, why: str) -> FreshAdopted:
    return FreshAdopted(run_id=ticket.run_id, problem=Problem(kind=kind, message=why))


def _refused(message: StorePage, kind: ErrorKind, why: str) -> PageRefused:
    return PageRefused(attempt=message.attempt, problem=Problem(kind=kind, message=why))
