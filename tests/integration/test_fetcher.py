"""The daemon's fetches: bounded in time, each shared, cut when the daemon ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from rules.mirror.fetching import Entity, FetchState, Subject
from rules.model import ErrorKind
from service.read_through.fetcher import Fetcher
from simulator import Simulator
from storage.engine.database import Database
from storage.writes.fetched_rows import FetchedRows
from testio.client import TestioClient
from testio.room import MOST_AT_ONCE


@pytest.fixture
def fetcher(
    simulator: Simulator, database: Database, make_client: Callable[..., TestioClient]
) -> Iterator[Fetcher]:
    made = Fetcher(client=make_client(simulator), rows=FetchedRows(database), path=database.path)
    yield made
    made.close()


def features(simulator: Simulator) -> Entity:
    return Entity(Subject.FEATURES, simulator.account()["products"][1]["id"])


def test_what_takes_longer_is_pending_and_who_asks_again_hears_its_end(
    fetcher: Fetcher, simulator: Simulator
) -> None:
    wanted, now = features(simulator), datetime.now(UTC)
    simulator.add_fault(kind="slow", seconds=0.4)
    assert fetcher.refresh([wanted], now, seconds=0.05)[wanted].state is FetchState.PENDING
    assert fetcher.refresh([wanted], now)[wanted].state is FetchState.REFRESHED
    assert fetcher.refresh([wanted], now)[wanted].state is FetchState.FRESH
    assert len(simulator.requests()) == 1


def test_closing_cuts_what_is_under_way_and_notes_no_failure(
    fetcher: Fetcher, simulator: Simulator, database: Database
) -> None:
    wanted = features(simulator)
    simulator.add_fault(kind="hang")
    timer = threading.Timer(0.2, fetcher.close)
    timer.start()
    began = time.monotonic()
    outcome = fetcher.refresh([wanted], datetime.now(UTC))[wanted]
    timer.join()
    assert outcome.error is ErrorKind.CANCELLED
    assert time.monotonic() - began < 2.0
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM fetches").fetchone()[0] == 0


def test_what_one_fetch_has_written_leaves_its_room_to_the_next(
    fetcher: Fetcher, simulator: Simulator
) -> None:
    """Three large lists for each thread: nobody waits for what is held by itself."""
    body = f'{{"features":[{{"id":1,"title":"{"x" * MOST_AT_ONCE}"}}]}}'
    simulator.add_fault(kind="status", status=200, body=body, path="*/features")
    products = [product["id"] for product in simulator.account()["products"]]
    wanted = [Entity(Subject.FEATURES, product) for product in products]
    wanted.append(Entity(Subject.PRODUCTS, 0))
    outcomes = fetcher.refresh(wanted, datetime.now(UTC))
    assert {outcome.state for outcome in outcomes.values()} == {FetchState.REFRESHED}, outcomes
