"""Who fetches for a process that only reads: the daemon, or this process under the writer lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from config.settings import Settings
from control.client import ControlClient
from control.errors import ControlError, NoDaemon, TryAgain
from control.protocol import FetchBody, FetchReply
from rules.mirror.fetching import Entity, FetchOutcome, FetchState
from service.daemon_address import control_of
from service.read_through.fetch_requests import bodies_for, outcomes_of
from storage.engine.errors import LockHeld

PAUSE_SECONDS = 0.3

Outcomes = dict[Entity, FetchOutcome]


@dataclass(frozen=True, slots=True)
class Refresher:
    """Fetches entities into the mirror of these settings. Thread-safe."""

    settings: Settings
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False)

    def refresh(
        self, entities: Iterable[Entity], not_before: datetime
    ) -> Mapping[Entity, FetchOutcome]:
        """Fetch what is not known as of `not_before` or later; says of each what became of it.

        Raises LockHeld where another process keeps the lock and is no daemon, another
        StorageError, SettingsError (no token), or ControlError.
        """
        wanted = list(entities)
        outcomes = self._by_daemon(wanted, not_before)
        if outcomes is not None:
            return outcomes
        try:
            return self._by_ourselves(wanted, not_before)
        except LockHeld:
            outcomes = self._by_daemon(wanted, not_before)  # it came up while we waited
            if outcomes is None:
                raise
            return outcomes

    def _by_daemon(self, entities: list[Entity], not_before: datetime) -> Outcomes | None:
        """None if there is no daemon. What it did before it went away is known by freshness."""
        control = control_of(self.settings)
        outcomes: Outcomes = {}
        waiting = entities
        try:
            while waiting:
                for subject, body in bodies_for(waiting, not_before):
                    reply = self._asked(control, body)
                    outcomes |= outcomes_of(subject, reply)
                waiting = [e for e in waiting if outcomes[e].state is FetchState.PENDING]
        except NoDaemon:
            return None
        return outcomes

    def _asked(self, control: ControlClient, body: FetchBody) -> FetchReply:
        """Ask, and again while the daemon is busy with the fetches of others."""
        give_up_at = time.monotonic() + self.settings.lock_wait_seconds
        while True:
            try:
                return control.fetch(body)
            except TryAgain:
                if time.monotonic() > give_up_at:
                    raise
            time.sleep(PAUSE_SECONDS)

    def _by_ourselves(self, entities: list[Entity], not_before: datetime) -> Outcomes:
        # A reader of fresh rows never needs these, and they take most of its start.
        from config.token import load_token
        from service.read_through.fetcher import make_fetcher
        from service.remote_client import make_client
        from service.store import open_store
        from storage.engine.lock_holder import Role

        token = load_token(self.settings)
        with (
            self._one_at_a_time,
            open_store(
                self.settings,
                role=Role.ONE_SHOT,
                wait_seconds=self.settings.lock_wait_seconds,
                keep_waiting=self._no_daemon_answers,
            ) as store,
            closing(make_client(self.settings, token.get_secret_value)) as client,
            closing(make_fetcher(lambda: self.settings, client, store)) as fetcher,
        ):
            return dict(fetcher.refresh(entities, not_before))

    def _no_daemon_answers(self) -> bool:
        try:
            control_of(self.settings, timeout=1.0).status()
        except (NoDaemon, ControlError):
            return True  # there is none, or it is on its way down
        return False
