"""The database under the writer lock, from the lock's taking to its release.

Migrations, and the end of runs that a killed holder left running, happen here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from actors.ports import Sections
from config.settings import Settings
from config.version import program_version
from rules.listing.planning import CursorState
from rules.model import Kind
from rules.records import HoleRecord
from rules.run.events import EventName, SyncEvent
from service.account import refuse_another_url
from storage.engine.damage import forget, met
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.engine.lock_holder import Role
from storage.engine.migrate import migrate
from storage.engine.place import real_path
from storage.engine.readers import Readers
from storage.engine.soundness import refuse_damaged, require_sqlite
from storage.engine.writer_lock import WriterLock
from storage.reads import queries
from storage.replacing.file_swap import finish_interrupted
from storage.replacing.fresh_start import FreshStart, remove_leftovers, staging_path
from storage.settings.account_rows import AccountRows
from storage.writes import listing_state
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog

log = structlog.get_logger(__name__)


class MirrorReader:
    """What the phases read of the mirror, each time on one snapshot of it. Thread-safe."""

    def __init__(self, path: Path, *, keeps_handles: bool = True) -> None:
        self._path = path
        self._readers = Readers(path, keeps=keeps_handles)

    def known_products(self) -> tuple[int, ...] | None:
        """The ids in the mirror; None if the list was never fetched. Raises StorageError."""
        with self._readers.reading() as connection:
            return queries.known_products(connection)

    def sections_of(self, product_id: int) -> Sections:
        """The sections of a product, as far as the mirror knows. Raises StorageError."""
        with self._readers.reading() as connection:
            ids, as_of = queries.sections_of(connection, product_id)
        return Sections(ids=ids, as_of=as_of)

    def placed_features(self, product_id: int) -> Mapping[int, bool]:
        """The features that are there, and whether it is known in which sections each stands."""
        with self._readers.reading() as connection:
            return listing_state.placed_features(connection, product_id)

    def cursor(self, product_id: int, kind: Kind) -> CursorState:
        """What earlier listings came to. Raises StorageError, like all that follow."""
        with self._readers.reading() as connection:
            return listing_state.cursor(connection, product_id, kind)

    def holes(self, product_id: int, now: datetime) -> tuple[tuple[HoleRecord, bool], ...]:
        """The open holes in a product's tests, each with whether it is due to be tried again."""
        with self._readers.reading() as connection:
            return listing_state.holes(connection, product_id, now)

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]:
        """Those of these tests that a finished listing has confirmed, with this very content."""
        with self._readers.reading() as connection:
            return listing_state.known_tests(connection, product_id, hashes)

    def listed_in(self, product_id: int, listing: int) -> frozenset[int]:
        """The tests that a listing has stored."""
        with self._readers.reading() as connection:
            return listing_state.listed_in(connection, product_id, listing)

    def missing_tests(
        self, product_id: int, listing: int, seen: Set[int], since: datetime | None
    ) -> tuple[tuple[int, ...], int]:
        """The tests that are there, but neither in a listing nor `seen`; how many are there."""
        with self._readers.reading() as connection:
            return listing_state.missing_tests(connection, product_id, listing, seen, since)

    def unchecked_tests(self, product_id: int, since: datetime | None) -> tuple[int, ...]:
        """Tests that the last full listing lacked and that nobody has looked for since."""
        with self._readers.reading() as connection:
            return listing_state.unchecked_tests(connection, product_id, since)

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        """The tests that are there and can still change."""
        with self._readers.reading() as connection:
            return listing_state.open_tests(connection, product_id)

    def close(self) -> None:
        """Close the handles."""
        self._readers.close()

    def fresh(self, run_id: int) -> MirrorReader:
        """The same, of what a run has built anew so far."""
        return FreshReader(staging_path(self._path, run_id))


class FreshReader(MirrorReader):
    """Of a staging file, which the first page makes: before that nothing is known.

    It keeps no handle: a file that is removed and still open takes space until the handle goes.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, keeps_handles=False)

    def known_products(self) -> tuple[int, ...] | None:
        """None before the list is there. Raises StorageError."""
        return super().known_products() if self._path.exists() else None

    def sections_of(self, product_id: int) -> Sections:
        """None before the list is there. Raises StorageError."""
        return super().sections_of(product_id) if self._path.exists() else Sections()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Everything that writes or reads the mirror in this process, and the lock that allows it.

    `interrupted`: the runs that a killed process has left at work.
    """

    lock: WriterLock
    database: Database
    mirror: MirrorRows
    events: SyncLog
    reader: MirrorReader
    fresh: FreshStart
    account: AccountRows
    interrupted: tuple[int, ...] = ()


@contextmanager
def open_store(
    settings: Settings,
    *,
    role: Role,
    socket: Path | None = None,
    wait_seconds: float = 0.0,
    keep_waiting: Callable[[], bool] = lambda: True,
    any_account: bool = False,
) -> Iterator[Store]:
    """Take the lock, open and migrate the database, and close what a killed holder left open.

    `any_account`: it may mirror the account of another URL (a fresh start replaces it).
    Raises LockHeld, NoKernelLocks, NewerSchema, DatabaseBusy or another StorageError, and
    SettingsError where the database is another account's.
    """
    require_sqlite(settings.db_path)
    lock = WriterLock(settings.db_path, role=role, version=program_version(), socket=socket)
    lock.acquire(wait_seconds=wait_seconds, keep_waiting=keep_waiting)
    try:
        prepare_files(settings.db_path)
        _refuse_damaged(settings.db_path, lock)
        database = Database(settings.db_path, mode=settings.db_mode)
        try:
            migrate(database)
            store = _store(lock, database)
            if not any_account:
                refuse_another_url(store.account, settings, database.path)
            try:
                yield store
            finally:
                store.reader.close()
        finally:
            database.close()
    finally:
        lock.release()


def _refuse_damaged(path: Path, lock: WriterLock) -> None:
    """Look at all of it after an unclean end, or where this process has met damage before.

    What is whole now was rebuilt meanwhile, or replaced by a backup.
    """
    refuse_damaged(path, whole=lock.recovered_from is not None or met(path) is not None)
    forget(path)


def prepare_files(path: Path) -> None:
    """Bring to its end, or remove, what a killed process has left. With the lock held."""
    real = real_path(path)
    try:
        damaged = finish_interrupted(real)
    except OSError as error:
        raise StorageError(f"{path} cannot be put in place: {error}") from error
    if damaged is not None:
        log.warning("rebuild_finished", database=str(path), set_aside=str(damaged))
    for place in {path, real}:
        remove_leftovers(place)


def _store(lock: WriterLock, database: Database) -> Store:
    events = SyncLog(database)
    interrupted = _recover(lock, events)
    return Store(
        lock=lock,
        database=database,
        mirror=MirrorRows(database),
        events=events,
        reader=MirrorReader(database.path),
        fresh=FreshStart(database),
        account=AccountRows(database),
        interrupted=interrupted,
    )


def _recover(lock: WriterLock, events: SyncLog) -> tuple[int, ...]:
    """Say from whom the lock was taken over, and end the runs that it left running: their ids."""
    now = datetime.now(UTC)
    if lock.recovered_from is not None:
        holder = {k: v for k, v in asdict(lock.recovered_from).items() if v is not None}
        log.warning("lock_recovered", **{"from": holder})
        events.write([SyncEvent(at=now, event=EventName.LOCK_RECOVERED, detail={"from": holder})])
    interrupted = tuple(events.close_interrupted(at=now))
    for run_id in interrupted:
        log.warning("run_interrupted", run_id=run_id)
    return interrupted
