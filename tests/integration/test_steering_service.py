"""What `RuntimeControl` promises when something goes wrong in the middle of a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.base import NoAnswer
from config.loading import load_settings
from config.settings import Settings
from control.errors import Refused
from control.protocol import Word
from rules.run.runtime_overrides import PREFIX, overrides_of
from service.account import AccountGuard
from service.configuration import Configuration, Configured
from service.daemon import runtime_control as steering_module
from service.daemon.runtime_control import RuntimeControl
from simulator import Simulator
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.settings.account_rows import AccountRows
from storage.settings.override_rows import OverrideRows
from testio.client import TestioClient
from tests.conftest import Bench


@dataclass
class Desk:
    """Where an operator stands: real actors, a real database, a simulated remote."""

    bench: Bench
    database: Database
    simulator: Simulator
    client: TestioClient
    flags: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def settings(self) -> Settings:
        flags = {
            "TESTIO_CUSTOMER_API_BASE_URL": self.simulator.base_url,
            "TESTIO_DB_PATH": str(self.database.path),
        }
        return load_settings(flags=flags | self.flags, env_file=None)

    def read(self) -> Configured:
        return Configured(settings=self.settings(), token=SecretStr(self.token))

    @property
    def kept(self) -> object:
        return overrides_of(OverrideRows(self.database, PREFIX).read())[0]


@pytest.fixture
def desk(
    bench: Bench,
    database: Database,
    simulator: Simulator,
    make_client: Callable[..., TestioClient],
) -> Desk:
    bench.interval = 900.0
    made = Desk(bench=bench, database=database, simulator=simulator, client=make_client(simulator))
    made.token = simulator.token
    return made


@pytest.fixture
def runtime(desk: Desk) -> RuntimeControl:
    settings = desk.settings()
    return RuntimeControl(
        configuration=Configuration(settings=settings, token=SecretStr(desk.token)),
        rows=OverrideRows(desk.database, PREFIX),
        system=desk.bench.system,
        client=desk.client,
        account=AccountGuard(AccountRows(desk.database), settings.base_url, SecretStr(desk.token)),
        read_again=desk.read,
    )


def test_what_was_kept_and_not_put_in_force_is_put_in_force_by_trying_again(
    runtime: RuntimeControl, desk: Desk
) -> None:
    scheduler = desk.bench.system.wiring.scheduler
    ref = scheduler.ref
    scheduler.bind(None)  # as between its death and its replacement
    for change in (lambda: runtime.pause(None), lambda: runtime.set_interval(60)):
        with pytest.raises(NoAnswer):
            change()
    scheduler.bind(ref)
    assert not desk.bench.system.schedule().paused
    assert runtime.pause(None).word is Word.PAUSED
    assert desk.bench.system.schedule().paused
    assert runtime.pause(None).word is Word.ALREADY_PAUSED
    runtime.set_interval(60)
    assert desk.bench.system.schedule().interval_seconds == 60


def test_a_remote_that_asks_to_wait_holds_up_neither_the_reload_nor_other_changes(
    runtime: RuntimeControl, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering_module, "TRIAL_SECONDS", 1.0)
    desk.simulator.add_fault(kind="status", status=429, retry_after="300")
    desk.token = "a-new-token-that-is-tried"
    ended = threading.Event()
    said: list[str] = []

    def reload() -> None:
        try:
            runtime.reload()
        except Refused as error:
            said.append(str(error))
        ended.set()

    thread = threading.Thread(target=reload)
    thread.start()
    assert runtime.pause(None).word is Word.PAUSED, "while the new token is tried"
    assert ended.wait(10), "the trial takes as long as it may, however long the remote asks"
    thread.join(5)
    assert "the old token stays: with the new one" in said[0]


def test_who_waits_for_another_change_is_told_soon(
    runtime: RuntimeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering_module, "PATIENCE_SECONDS", 0.05)
    with runtime.lock, pytest.raises(NoAnswer, match="another change is under way"):
        runtime.resume()
    with runtime.reloading, pytest.raises(NoAnswer, match="another reload is under way"):
        runtime.reload()


def test_a_reload_that_is_refused_has_changed_nothing_not_even_the_account(
    runtime: RuntimeControl, desk: Desk, tmp_path: Path
) -> None:
    before = AccountRows(desk.database).recorded()
    desk.simulator.set_token("another-good-token")
    desk.token = "another-good-token"
    desk.flags["LOG_FILE"] = str(tmp_path)  # a folder
    with pytest.raises(Refused, match="LOG_FILE"):
        runtime.reload()
    assert AccountRows(desk.database).recorded() == before
    assert runtime.configuration.secret() != "another-good-token"


def test_a_database_that_fails_during_the_exchange_leaves_the_old_token(
    desk: Desk, runtime: RuntimeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = runtime.account

    def fail() -> frozenset[int]:
        raise StorageError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(guard._rows, "product_ids", fail)
        with pytest.raises(StorageError):
            guard.exchange(SecretStr("another-good-token"), {1})
    assert guard.exchange(SecretStr(desk.token), {1}) is None
