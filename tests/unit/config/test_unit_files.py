"""The units: what systemd says of them; `deploy/` holds what install writes."""

from __future__ import annotations

import configparser
import os
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.loading import load_settings
from config.token import CREDENTIAL
from rules.host.unit_files import HIDDEN, PLAIN, Writing, command_line, hidden, writing
from service.exit_status import ExitStatus
from service.systemd.unit_text import (
    SYSUSERS_LINE,
    UNIT,
    InstallPaths,
    ServiceRefused,
    system_place,
    system_settings,
    unit_text,
    user_place,
)
from tests.tools import needs_tool

DEPLOY = Path(__file__).parents[3] / "deploy"
PACKAGED = ("/opt/testio-sync/bin/testio-sync",)
EXPOSURE = 15
"""The highest exposure that is accepted, in tenths; systemd calls up to 19 'OK'."""

texts = st.text(max_size=20)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("testio-sync.service", unit_text(system_place(), PACKAGED)),
        ("config.toml", system_settings(system_place())),
        ("sysusers.conf", SYSUSERS_LINE + "\n"),
    ],
)
def test_deploy_holds_what_install_writes(name: str, expected: str) -> None:
    assert (DEPLOY / name).read_text() == expected, f"bring deploy/{name} up to date"


@pytest.mark.parametrize("user", [False, True], ids=["system", "user"])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, user: bool) -> None:
    analyze, unit = needs_tool("systemd-analyze"), written(tmp_path, user=user)
    words = [analyze, *(["--user"] if user else []), "--man=no", "verify", str(unit)]
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    verified = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=30)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_system_service_may_do_little(tmp_path: Path) -> None:
    analyze, unit = needs_tool("systemd-analyze"), written(tmp_path, user=False)
    words = ["security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    judged = subprocess.run([analyze, *words], capture_output=True, text=True, timeout=30)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("place", [system_place(), user_place()], ids=["system", "user"])
def test_the_unit_agrees_with_the_program(place: InstallPaths) -> None:
    service = parsed(unit_text(place, PACKAGED))
    assert service["Type"] == "notify"
    hopeless = {ExitStatus.USAGE, ExitStatus.DAMAGED}  # a restart heals neither
    assert {int(status) for status in service["RestartPreventExitStatus"].split()} == hopeless
    assert service["SuccessExitStatus"] == str(int(ExitStatus.CANCELLED))
    if not place.user:
        assert service["LoadCredential"] == f"{CREDENTIAL}:{place.token}"
        assert place.database.parent == Path("/var/lib") / service["StateDirectory"]


def test_the_settings_to_begin_with_can_be_read(tmp_path: Path) -> None:
    place, config = system_place(), tmp_path / "config.toml"
    config.write_text(system_settings(place))
    settings = load_settings(flags={}, config_file=config, env_file=None)
    assert settings.db_path == place.database


@given(arguments=st.lists(texts.filter(lambda word: "\0" not in word), max_size=4))
def test_a_command_survives_being_written_and_read(arguments: list[str]) -> None:
    line = command_line(["/x", *arguments])
    assert not {"\n", "\r"} & set(line), "systemd ends a line at either"
    assert [as_systemd_reads(word) for word in shlex.split(line)] == ["/x", *arguments]


@pytest.mark.parametrize("folder", ["a b", "a%hb", "a$HOME", "$$", "ü;#", "-x"])
def test_systemd_finds_a_program_at_an_odd_path(tmp_path: Path, folder: str) -> None:
    analyze, program = needs_tool("systemd-analyze"), tmp_path / folder / "prog"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT
    unit.write_text(unit_text(system_place(), [str(program)]))
    words = [analyze, "--man=no", "verify", str(unit)]
    verified = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@pytest.mark.parametrize("folder", ['a"b', "it's", "back\\slash", "tab\t"])
def test_a_path_that_systemd_does_not_take_is_refused(folder: str) -> None:
    with pytest.raises(ServiceRefused, match="install testio-sync elsewhere"):
        unit_text(system_place(), [f"/opt/{folder}/testio-sync"])


def as_systemd_reads(word: str) -> str:
    return word.replace("\\n", "\n").replace("\\r", "\r").replace("%%", "%").replace("$$", "$")


@given(present=st.none() | texts, wanted=texts, force=st.booleans())
def test_nothing_that_differs_is_replaced_without_force(
    present: str | None, wanted: str, force: bool
) -> None:
    todo = writing(present, wanted, force=force)
    assert (todo is Writing.REPLACE) == (present not in (None, wanted) and force)
    assert (todo is Writing.REFUSE) == (present not in (None, wanted) and not force)
    assert (todo is Writing.NEW) == (present is None)


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/opt/testio-sync/bin/python", True),
        ("/usr/bin/python3", True),
        ("/homes/me", True),
        ("/home/me/testio-sync/.venv/bin/python", False),
        ("/root/.local/share/uv/python", False),
        ("/tmp/x", False),
    ],
)
def test_what_the_system_service_sees(path: str, seen: bool) -> None:
    assert (hidden([PurePosixPath(path)]) == []) is seen


def test_what_is_hidden_is_what_the_unit_hides() -> None:
    service = parsed(unit_text(system_place(), PACKAGED))
    assert (service["ProtectHome"], service["PrivateTmp"]) == ("yes", "yes")
    assert {str(path) for path in HIDDEN} == {"/home", "/root", "/run/user", "/tmp", "/var/tmp"}


def written(folder: Path, *, user: bool) -> Path:
    place = user_place(environ={"HOME": str(folder)}) if user else system_place()
    unit = folder / UNIT
    unit.write_text(unit_text(place, [sys.executable, "-P", "-m", "cli.main"]))
    return unit


def parsed(unit: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit)
    return parser["Service"]


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("a$b%c", "a$$b%%c"),
        ("", '""'),
        ("a b", '"a b"'),
        ("\\", '"\\\\"'),
        ('"', '"\\""'),
        ("a\nb", '"a\\nb"'),
        ("a\rb", '"a\\rb"'),
        ("".join(sorted(PLAIN - {"$", "%"})), "".join(sorted(PLAIN - {"$", "%"}))),
    ],
)
def test_a_word_is_written_as_plainly_as_it_can_be(word: str, written: str) -> None:
    assert command_line(["/X11/prog", word]) == f"/X11/prog {written}"


def test_every_plain_character_together_needs_no_quotes() -> None:
    program = "/" + "".join(sorted(PLAIN))
    assert command_line([program]) == program.replace("%", "%%")


@pytest.mark.parametrize("program", ['/a"b', "/a'b", "/a\\b", "/a\nb"])
def test_a_path_that_systemd_does_not_take_is_named(program: str) -> None:
    with pytest.raises(ValueError, match="systemd runs no program with such a path: ") as refused:
        command_line([program])
    assert repr(program) in str(refused.value)
