"""Writes the pages of all workers in the order in which they come, and acknowledges each."""

from __future__ import annotations

from collections.abc import Sequence
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
from actors.ports import AccountGuard, FreshStore, MirrorStore
from rules.model import ErrorKind, Problem
from storage.engine.errors import StorageError

MOST_TOGETHER = 16
"""Pages in one transaction; readers and other writers wait no longer than for so many."""


class MirrorWriter(BaseActor):
    """One of; runs on its own thread. Pages of a run that is over are refused.

    Pages that wait together are stored together. One that the database does not take is refused
    with the reason: its product fails. A crash fails the products whose pages were not
    acknowledged, and a fresh start that was to be put in place: then the old mirror stays.
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
        self._waiting: list[StorePage] = []

    def handle(self, message: MirrorMessage) -> bool:
        """Dispatch by type."""
        if isinstance(message, StorePage):
            self._waiting.append(message)
            if self.actor_inbox.empty() or len(self._waiting) >= MOST_TOGETHER:
                self._store_waiting()
            return True
        self._store_waiting()
        match message:
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

    def _store_waiting(self) -> None:
        """Store all pages that have come in, together where that is possible."""
        waiting, self._waiting = self._waiting, []
        if not self._store_together(waiting):
            for message in waiting:
                safe_tell(message.reply_to, self._store_page(message))

    def _store_together(self, messages: Sequence[StorePage]) -> bool:
        """Several pages in one transaction; False, with nothing done, if that is not possible."""
        tickets = [message.ticket for message in messages]
        if len(messages) < 2 or any(ticket.is_over or ticket.is_fresh_start for ticket in tickets):
            return False
        pages = [message.page for message in messages]
        try:
            stored = self._store.store_pages(pages, at=self._clock.now())
        except StorageError as error:
            for message in messages:
                safe_tell(message.reply_to, _refused(message, ErrorKind.STORAGE, str(error)))
            return True
        if stored is None:
            return False
        for message, came_to in zip(messages, stored, strict=True):
            message.ticket.written.add(message.page.kind, came_to.counts)
            safe_tell(message.reply_to, PageStored(attempt=message.attempt, stored=came_to))
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
