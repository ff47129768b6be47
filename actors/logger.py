"""Writes the queue of events to `sync_events` and `sync_runs`, serially, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import structlog

from actors.base import Address, BaseActor
from actors.event_queue import EventQueue, RunResults
from actors.messages import Flush, LoggerMessage, Ping, RunRecorded
from actors.ports import EventStore
from rules.run.events import Entry, RunClosed
from storage.engine.errors import StorageError

log = structlog.get_logger(__name__)

BATCH = 1000
NOT_OURS = "its row in sync_runs was ended by another program, or cannot be written; it stays so"


class Logger(BaseActor):
    """One of; runs on its own thread. Nobody is told that a run ended before that is on disk,
    unless that can never be.

    A database that cannot be written to is no crash: the entries wait in their queue until the next
    Flush. An entry that cannot be written at all is named in the log and left out.
    """

    def __init__(
        self,
        *,
        supervisor: Address,
        coordinator: Address,
        event_queue: EventQueue,
        results: RunResults,
        store: EventStore,
    ) -> None:
        super().__init__(role="logger", supervisor=supervisor)
        self._coordinator = coordinator
        self._event_queue = event_queue
        self._results = results
        self._store = store

    def handle(self, message: LoggerMessage) -> bool:
        """Dispatch by type."""
        match message:
            case Flush():
                return self._flush()
            case Ping():
                return True
            case _:
                assert_never(message)

    def _flush(self) -> bool:
        """Write all that waits; whether that was possible."""
        while batch := self._event_queue.first(BATCH):
            try:
                self._write(batch)
            except StorageError as error:
                if self._event_queue.stuck_because is None:
                    log.error(
                        "events_not_written", waiting=len(self._event_queue), error=str(error)
                    )
                self._event_queue.not_written(str(error))
                return False
        return True

    def _write(self, batch: Sequence[Entry]) -> None:
        try:
            ended = self._store.write(batch)
        except StorageError:
            raise
        except Exception:
            log.exception("batch_not_writable", entries=len(batch))
            self._write_singly(batch)
        else:
            self._is_written(batch, ended)

    def _write_singly(self, batch: Sequence[Entry]) -> None:
        """Each is done with by itself: should the disk fail half way, none is written again."""
        for entry in batch:
            ended: frozenset[int] = frozenset()
            try:
                ended = self._store.write([entry])
            except StorageError:
                raise
            except Exception:
                log.exception("event_left_out", entry=repr(entry))
            self._is_written([entry], ended)

    def _is_written(self, batch: Sequence[Entry], ended: frozenset[int]) -> None:
        """Tell of the runs that have ended; a second end of the same run is not told.

        One whose row was ended by somebody else, or cannot be written, ends here all the same:
        nothing more will come, and the next run is not to wait for it.
        """
        self._event_queue.discard(len(batch))
        for entry in batch:
            if isinstance(entry, RunClosed) and not self._results.has(entry.result.run_id):
                if entry.result.run_id not in ended:
                    log.warning("run_end_not_written", run_id=entry.result.run_id, todo=NOT_OURS)
                self._results.publish(entry)
                self._coordinator.tell(RunRecorded(run_id=entry.result.run_id))
