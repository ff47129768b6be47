"""Installing the service into a root of the test's own.

The systemctl here writes down how it was called; systemd is not at work and nothing is started.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.systemd.installation import (
    Machine,
    data_folder,
    install_steps,
    take,
    uninstall_steps,
)
from service.systemd.unit_text import (
    SYSUSERS_LINE,
    InstallPaths,
    ServiceRefused,
    system_place,
    unit_text,
    user_place,
)

ME = {"HOME": "/home/me"}
PROGRAM = ("/opt/testio-sync/bin/testio-sync",)
RECORDER = """#!/bin/sh
printf '%s' "${0##*/}" >> "$CALLS"; printf ' [%s]' "$@" >> "$CALLS"; echo >> "$CALLS"
if [ -n "$FAILING" ]; then echo "Failed to connect to bus" >&2; exit 1; fi
"""


@dataclass
class Desk:
    """A machine in a folder, and what was done to it."""

    machine: Machine
    calls: Path

    def install(self, place: InstallPaths, *, force: bool = False, now: bool = False) -> list[str]:
        said: list[str] = []
        take(
            install_steps(place, self.machine, force=force, now=now),
            place,
            self.machine,
            said.append,
        )
        return said

    def uninstall(self, place: InstallPaths) -> list[str]:
        said: list[str] = []
        take(uninstall_steps(place, self.machine), place, self.machine, said.append)
        return said

    def called(self) -> list[str]:
        """The commands run since the last look."""
        found = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return found

    def put(self, path: Path, text: str) -> None:
        self.machine.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.machine.at(path).write_text(text)

    def backups(self, place: InstallPaths) -> list[str]:
        return [file.read_text() for file in self.machine.at(place.unit.parent).glob("*.bak")]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    commands, calls = tmp_path / "bin", tmp_path / "calls"
    commands.mkdir()
    for name in ("systemctl", "systemd-sysusers"):
        (commands / name).write_text(RECORDER)
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    monkeypatch.setenv("CALLS", str(calls))
    machine = Machine(
        root=tmp_path / "root",
        booted=True,
        is_root=True,
        code=(Path("/opt/testio-sync/bin/python"),),
        program=PROGRAM,
    )
    return Desk(machine=machine, calls=calls)


def test_the_system_service_is_written_and_made_known(desk: Desk) -> None:
    place = system_place()
    said = desk.install(place)
    assert desk.called() == [
        f"systemd-sysusers [--inline] [{SYSUSERS_LINE}]",
        "systemctl [daemon-reload]",
    ]
    assert desk.machine.text(place.unit) == unit_text(place, PROGRAM)
    assert "TESTIO_DB_PATH" in (desk.machine.text(place.config) or "")
    assert rights(desk, place.unit) == rights(desk, place.config) == 0o644
    assert rights(desk, place.config.parent) == 0o755
    assert said[-1] == "run systemctl daemon-reload"
    assert f"write {place.unit}" in said


def test_a_service_of_ones_own_needs_no_root(desk: Desk) -> None:
    desk.machine = replace(desk.machine, is_root=False, code=(Path("/home/me/x/.venv/bin/python"),))
    place = user_place(environ=ME)
    desk.put(place.config, "")
    desk.install(place, now=True)
    assert desk.called() == [
        "systemctl [--user] [daemon-reload]",
        "systemctl [--user] [enable] [testio-sync.service]",
        "systemctl [--user] [restart] [testio-sync.service]",
    ]
    assert desk.machine.text(place.unit) == unit_text(place, PROGRAM)
    assert place.unit == Path("/home/me/.config/systemd/user/testio-sync.service")


def test_settings_that_are_there_are_left_alone(desk: Desk) -> None:
    place = system_place()
    desk.put(place.config, "TESTIO_DB_PATH = '/data/mirror.db'\n")
    desk.install(place)
    assert desk.machine.text(place.config) == "TESTIO_DB_PATH = '/data/mirror.db'\n"
    assert data_folder(place, desk.machine) == Path("/data")


def test_a_unit_that_differs_is_replaced_on_demand_only_and_kept(desk: Desk) -> None:
    place = system_place()
    desk.put(place.unit, "somebody's work\n")
    with pytest.raises(ServiceRefused, match="--force"):
        desk.install(place)
    assert desk.machine.text(place.unit) == "somebody's work\n"
    assert desk.called() == []
    desk.install(place, force=True)
    assert desk.machine.text(place.unit) == unit_text(place, PROGRAM)
    assert desk.backups(place) == ["somebody's work\n"]
    desk.install(place)
    assert len(desk.backups(place)) == 1, "the same unit again is no reason for another copy"


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        (None, "sudo install -D -m 600 /dev/null /etc/testio-sync/token"),
        (Path("/etc/other.toml"), "sudo install -D -m 600 /dev/null /etc/testio-sync/token"),
    ],
)
def test_the_system_service_is_not_started_without_a_token(
    desk: Desk, config: Path | None, hint: str
) -> None:
    refuses_to_start(desk, system_place(config), hint)


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        (None, "testio-sync init$"),
        (Path("/home/me/x y.toml"), "testio-sync init --config '/home/me/x y.toml'"),
    ],
)
def test_ones_own_service_is_not_started_without_settings(
    desk: Desk, config: Path | None, hint: str
) -> None:
    refuses_to_start(desk, user_place(config), hint)


def refuses_to_start(desk: Desk, place: InstallPaths, hint: str) -> None:
    with pytest.raises(ServiceRefused, match=f"there is no token yet: {hint}"):
        desk.install(place, now=True)
    assert desk.machine.text(place.unit) is None
    assert desk.called() == []


def test_a_token_is_enough_to_start_the_system_service(desk: Desk) -> None:
    place = system_place()
    assert place.token is not None
    desk.put(place.token, "token")
    desk.install(place, now=True)
    assert desk.called()[-1] == "systemctl [restart] [testio-sync.service]"


def test_uninstall_stops_and_removes_the_unit_and_nothing_else(desk: Desk) -> None:
    place = system_place()
    desk.install(place)
    desk.put(place.database, "the mirror")
    desk.called()
    desk.uninstall(place)
    assert desk.called() == [
        "systemctl [disable] [--now] [testio-sync.service]",
        "systemctl [daemon-reload]",
    ]
    assert desk.machine.text(place.unit) is None
    assert desk.machine.text(place.database) == "the mirror"
    assert desk.machine.text(place.config) is not None
    assert desk.backups(place) == []
    assert uninstall_steps(place, desk.machine) == []


def test_uninstall_keeps_a_unit_that_was_changed(desk: Desk) -> None:
    place = system_place()
    desk.put(place.unit, "somebody's work\n")
    desk.uninstall(place)
    assert desk.backups(place) == ["somebody's work\n"]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({"booted": False}, "systemd does not run this machine"),
        ({"is_root": False}, "sudo /opt/testio-sync/bin/testio-sync service"),
        ({"code": (Path("/home/me/.venv/bin/python"),)}, "/home/me/.venv/bin/python"),
    ],
    ids=["no systemd", "not root", "in a home folder"],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    desk: Desk, machine: dict[str, object], expected: str
) -> None:
    desk.machine = replace(desk.machine, **machine)  # type: ignore[arg-type]
    with pytest.raises(ServiceRefused, match=expected):
        desk.install(system_place())
    assert desk.called() == []
    assert desk.machine.text(system_place().unit) is None


def test_a_folder_that_others_may_not_enter_is_named(desk: Desk) -> None:
    closed = desk.machine.at(Path("/opt/testio-sync"))
    closed.mkdir(parents=True)
    closed.chmod(0o750)
    with pytest.raises(ServiceRefused, match="cannot read /opt/testio-sync;"):
        desk.install(system_place())
    closed.chmod(0o755)
    desk.install(system_place())


def test_what_systemctl_says_is_passed_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILING", "1")
    place = user_place(environ=ME)
    with pytest.raises(ServiceRefused, match=r"daemon-reload` failed: Failed to connect to bus"):
        desk.install(place)


def test_a_machine_without_systemctl(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceRefused, match="systemctl was not found"):
        desk.install(user_place(environ=ME))


def rights(desk: Desk, path: Path) -> int:
    return stat.S_IMODE(desk.machine.at(path).stat().st_mode)
