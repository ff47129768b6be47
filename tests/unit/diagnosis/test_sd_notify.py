"""What systemd hears, on a socket of the test's own."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest

from service.systemd.sd_notify import SdNotify
from tests.listener import Listener, listening


@pytest.mark.parametrize("abstract", [False, True], ids=["a path", "an abstract name"])
def test_what_is_told_arrives(tmp_path: Path, abstract: bool) -> None:
    with listening(tmp_path, abstract=abstract) as systemd:
        sd_notify = told(systemd, WATCHDOG_USEC="3000000")
        sd_notify.status("idle")
        sd_notify.status("idle")
        sd_notify.ready()
        sd_notify.alive()
        sd_notify.stopping()
        sd_notify.status("line\nREADY=1 is not smuggled in")
        assert systemd.all() == [
            "STATUS=idle",
            "READY=1",
            "WATCHDOG=1",
            "STOPPING=1\nSTATUS=stopping",
            "STATUS=line READY=1 is not smuggled in",
        ]


def test_a_reload_is_told_with_its_time_and_ends_with_ready(tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        sd_notify = told(systemd)
        sd_notify.ready()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        with contextlib.suppress(ValueError), sd_notify.reload():
            raise ValueError("the settings are bad")
        _ready, told_first, told_last = systemd.all()
    reloading, at, status = told_first.splitlines()
    assert reloading == "RELOADING=1"
    assert before <= int(at.removeprefix("MONOTONIC_USEC=")) <= before + 5_000_000
    assert status == "STATUS=reloading the settings"
    assert told_last == "READY=1"


def test_a_reload_before_the_start_or_after_the_end_does_not_say_ready(tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        sd_notify = told(systemd)
        with sd_notify.reload():
            pass
        assert systemd.all() == []
        sd_notify.ready()
        with sd_notify.reload():
            sd_notify.stopping()
        assert systemd.all()[-1] == "STOPPING=1\nSTATUS=stopping"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"WATCHDOG_USEC": "120000000"}, 120.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_if_it_is_ours(
    tmp_path: Path, given: dict[str, str], expected: float | None
) -> None:
    with listening(tmp_path) as systemd:
        sd_notify = told(systemd, **given)
        assert sd_notify.watchdog_seconds == expected
        sd_notify.alive()
        assert systemd.all() == ([] if expected is None else ["WATCHDOG=1"])


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "relative/path"])
def test_without_a_socket_of_systemd_nothing_happens(address: str | None) -> None:
    environ = {} if address is None else {"NOTIFY_SOCKET": address}
    sd_notify = SdNotify.from_environment({**environ, "WATCHDOG_USEC": "1000000"})
    assert sd_notify.watchdog_seconds is None
    sd_notify.ready()
    sd_notify.alive()


def test_a_service_manager_that_has_gone_or_does_not_read_does_no_harm(tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        sd_notify = told(systemd, WATCHDOG_USEC="1000000")
    sd_notify.ready()
    sd_notify.status("nobody hears it")
    with listening(tmp_path) as systemd:
        sd_notify.status("nobody hears it")
        assert systemd.all() == ["STATUS=nobody hears it"]


def told(systemd: Listener, **more: str) -> SdNotify:
    return SdNotify.from_environment({"NOTIFY_SOCKET": systemd.address, **more})
