"""Installs the daemon as a service of systemd, and removes it again. Data is never touched.

What is to be done is a list of steps, each with its words; a dry run prints the words.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from config.children import passed_on
from rules.host.unit_files import Writing, hidden, writing
from service.systemd.unit_text import (
    ACCOUNT,
    SYSUSERS_LINE,
    UNIT,
    InstallPaths,
    ServiceRefused,
    system_settings,
    this_program,
    unit_text,
    user_place,
)

COMMAND_SECONDS = 1900.0
"""`systemctl restart` returns when the daemon is ready: longer than the units give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, and the words for it."""

    words: str
    act: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine that the service is installed on; a test has one of its own.

    `root`: where its files are. `booted`: whether systemd runs it. `is_root`: whether we may
    write to the system. `code`: where this program's files are.
    """

    root: Path
    booted: bool
    is_root: bool
    code: tuple[Path, ...]
    program: tuple[str, ...]

    @classmethod
    def this(cls) -> Machine:
        """The one we are on."""
        return cls(
            root=Path("/"),
            booted=Path("/run/systemd/system").is_dir(),
            is_root=os.geteuid() == 0,
            code=_code(),
            program=this_program(),
        )

    def at(self, path: Path) -> Path:
        """Where a path of this machine really is."""
        return self.root / path.relative_to("/")

    def text(self, path: Path) -> str | None:
        """What a file holds; None if there is none. Raises ServiceRefused."""
        try:
            return self.at(path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ServiceRefused(f"{path} cannot be read: {error}") from error


def _code() -> tuple[Path, ...]:
    """The interpreter, under each of its names, and the folder of the program's packages."""
    return Path(sys.executable), Path(sys.executable).resolve(), Path(__file__).resolve().parents[2]


def install_steps(place: InstallPaths, machine: Machine, *, force: bool, now: bool) -> list[Step]:
    """What installing takes. `now`: enable and start it too. Raises ServiceRefused."""
    _refuse_unreachable(place, machine)
    wanted, present = unit_text(place, machine.program), machine.text(place.unit)
    todo = writing(present, wanted, force=force)
    if todo is Writing.REFUSE:
        raise ServiceRefused(
            f"{place.unit} is there and differs from what would be written; look at "
            f"`{_again(place, machine, 'show')}`, then use --force (the old one is kept beside it)"
        )
    if now and (missing := missing_settings(place, machine)):
        raise ServiceRefused(f"there is no token yet: {missing}")
    return [*_install(place, machine, wanted, todo), *(_start(place) if now else ())]


def _install(place: InstallPaths, machine: Machine, wanted: str, todo: Writing) -> Iterator[Step]:
    if not place.user:
        yield _command("systemd-sysusers", "--inline", SYSUSERS_LINE)
        if machine.text(place.config) is None:
            yield _write(place.config, system_settings(place), machine)
    if todo is Writing.REPLACE:
        yield _back_up(place.unit, machine)
    if todo is not Writing.SAME:
        yield _write(place.unit, wanted, machine)
    yield _systemctl(place, "daemon-reload")


def _start(place: InstallPaths) -> Iterator[Step]:
    yield _systemctl(place, "enable", UNIT)
    yield _systemctl(place, "restart", UNIT)  # a new unit takes effect with a new start


def uninstall_steps(place: InstallPaths, machine: Machine) -> list[Step]:
    """What removing the service takes; nothing if there is none. Raises ServiceRefused."""
    present = machine.text(place.unit)
    if present is None:
        return []
    steps = [_systemctl(place, "disable", "--now", UNIT)]
    if present != unit_text(place, machine.program):
        steps.append(_back_up(place.unit, machine))
    steps.append(Step(words=f"remove {place.unit}", act=machine.at(place.unit).unlink))
    return [*steps, _systemctl(place, "daemon-reload")]


def take(
    steps: Iterable[Step], place: InstallPaths, machine: Machine, say: Callable[[str], None]
) -> None:
    """Do it, saying each step before it is taken. Raises ServiceRefused."""
    if not machine.booted:
        raise ServiceRefused(
            "systemd does not run this machine; start `testio-sync run` by what does, "
            "or see with --dry-run what would be done"
        )
    if not place.user and not machine.is_root:
        raise ServiceRefused(
            "a service of the system needs root: "
            f"`sudo {shlex.join(machine.program)} service …`, or --user for one of your own"
        )
    for step in steps:
        say(step.words)
        step.act()


def data_folder(place: InstallPaths, machine: Machine) -> Path:
    """Where the service's database is, by its settings."""
    try:
        given = tomllib.loads(machine.text(place.config) or "")
    except tomllib.TOMLDecodeError:
        given = {}
    named = {name.upper(): value for name, value in given.items()}.get("TESTIO_DB_PATH")
    return Path(str(named)).expanduser().parent if named else place.database.parent


def missing_settings(place: InstallPaths, machine: Machine) -> str | None:
    """How to give the service the token that it lacks; None if there is one.

    What is wrong with it, the start will say.
    """
    if place.token is None:
        usual = place.config == user_place().config
        named = "" if usual else f" --config {shlex.quote(str(place.config))}"
        return None if machine.at(place.config).is_file() else f"testio-sync init{named}"
    token = shlex.quote(str(place.token))
    create = f"sudo install -D -m 600 /dev/null {token} && sudo editor {token}"
    return None if machine.at(place.token).is_file() else create


def _refuse_unreachable(place: InstallPaths, machine: Machine) -> None:
    """The system's service has a user of its own, which sees no home folders."""
    if place.user:
        return
    paths = [*machine.code, place.config]
    unseen = hidden(map(PurePosixPath, paths)) + list(_closed(paths, machine))
    if unseen:
        raise ServiceRefused(
            f"the service's user {ACCOUNT} cannot read {unseen[0]}; install the program where "
            "everybody can (`sudo python3 -m venv /opt/testio-sync`, say), "
            "or use --user for a service of your own"
        )


def _closed(paths: Iterable[Path], machine: Machine) -> Iterator[Path]:
    """Folders above these paths that others may not enter."""
    for folder in {folder: None for path in paths for folder in path.parents}:
        found = machine.at(folder)
        if found.is_dir() and not found.stat().st_mode & 0o001:
            yield folder


def _again(place: InstallPaths, machine: Machine, action: str) -> str:
    user = ["--user"] if place.user else []
    return shlex.join([*machine.program, "service", action, *user])


def _write(path: Path, text: str, machine: Machine) -> Step:
    def act() -> None:
        target = machine.at(path)
        if not target.parent.is_dir():  # whatever the umask: the service has to get in
            target.parent.mkdir(parents=True)
            target.parent.chmod(0o755)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(target)

    return Step(words=f"write {path}", act=act)


def _back_up(path: Path, machine: Machine) -> Step:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.name}.{stamp}.bak")

    def act() -> None:
        machine.at(kept).write_bytes(machine.at(path).read_bytes())

    return Step(words=f"keep the old unit as {kept}", act=act)


def _systemctl(place: InstallPaths, *words: str) -> Step:
    return _command("systemctl", *(["--user"] if place.user else []), *words)


def _command(*words: str) -> Step:
    return Step(words=f"run {shlex.join(words)}", act=lambda: _run(words))


def _run(words: Sequence[str]) -> None:
    try:
        subprocess.run(  # nosec B603 # systemd's tools with our own words, without a shell
            words,
            env=passed_on(),
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
    except FileNotFoundError as error:
        raise ServiceRefused(f"{words[0]} was not found; install systemd's tools") from error
    except subprocess.TimeoutExpired as error:
        raise ServiceRefused(f"`{shlex.join(words)}` did not end") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split()) or f"status {error.returncode}"
        raise ServiceRefused(f"`{shlex.join(words)}` failed: {said}") from error
