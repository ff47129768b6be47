"""Signals, however many, and whatever is under way when they come."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from service.daemon.signals import Signals
from tests.conftest import wait_until


def send(number: int, times: int = 1) -> None:
    for _ in range(times):
        os.kill(os.getpid(), number)


def test_a_storm_of_hang_ups_is_one_reload_more_than_the_one_at_work() -> None:
    stop, begun, let_go = threading.Event(), threading.Event(), threading.Event()
    reloads: list[int] = []

    def reload() -> None:
        reloads.append(len(reloads))
        begun.set()
        let_go.wait(5)

    signals = Signals(stop)
    signals.reload_with(reload)
    before = signal.getsignal(signal.SIGHUP)
    with signals.handled():
        send(signal.SIGHUP)
        assert begun.wait(5)
        threads = threading.active_count()
        send(signal.SIGHUP, times=300)
        assert threading.active_count() == threads, "no thread for each of them"
        let_go.set()
        wait_until(lambda: len(reloads) == 2, what="the reload that follows")
    assert len(reloads) == 2
    assert not stop.is_set()
    assert signal.getsignal(signal.SIGHUP) is before


def test_a_hang_up_while_the_daemon_starts_is_not_forgotten() -> None:
    reloaded = threading.Event()
    signals = Signals(threading.Event())
    with signals.handled():
        send(signal.SIGHUP)
        assert not reloaded.wait(0.1)
        signals.reload_with(reloaded.set)
        assert reloaded.wait(5)


def test_a_reload_that_fails_takes_nobody_with_it(caplog: pytest.LogCaptureFixture) -> None:
    stop, reloads = threading.Event(), []

    def reload() -> None:
        reloads.append(1)
        raise RuntimeError("a bug")

    signals = Signals(stop)
    signals.reload_with(reload)
    with signals.handled():
        send(signal.SIGHUP)
        wait_until(lambda: len(reloads) == 1, what="the first reload")
        wait_until(lambda: "reload_failed" in caplog.text, what="the word in the log")
        send(signal.SIGHUP)
        wait_until(lambda: len(reloads) == 2, what="the second reload")


def test_a_stop_is_heard_while_a_reload_hangs_and_threads_can_be_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, begun, let_go = threading.Event(), threading.Event(), threading.Event()

    def reload() -> None:
        begun.set()
        let_go.wait(5)

    signals = Signals(stop)
    signals.reload_with(reload)
    with signals.handled():
        send(signal.SIGHUP)
        assert begun.wait(5)
        send(signal.SIGUSR1)
        send(signal.SIGTERM)
        assert stop.wait(5)
        let_go.set()
    shown = {getattr(record, "thread_name", "") for record in caplog.records}
    assert {"MainThread", "testio-reload"} <= shown
