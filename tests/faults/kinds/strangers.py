"""24: another user of this machine, and files and folders that others could have prepared."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from control.paths import socket_path
from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.homes import Home
from tests.strangers import NOBODY, ask_as_stranger
from tests.tools import may_become_another

IS_ROOT = may_become_another()
NOT_TRIED = "not tried: needs root"
MODES = ("0600", "0640")
Trap = Callable[[Home], str]
"""Prepares something bad in the home; the words that the refusal has to say."""


@fault(24, "another user at the socket and the database", short=1, long=20)
def another_user(trial: Trial) -> None:
    """In a folder that everybody may enter: the files' own rights keep them out."""
    if not IS_ROOT:
        trial.sync()
        trial.saw(NOT_TRIED)
        return
    mode = MODES[trial.number % 2] if trial.is_long else trial.dice.choice(MODES)
    home = trial.home
    home.folder = trial.afterwards.enter_context(open_folder())
    home.settings |= {"TESTIO_DB_MODE": mode, "LOG_FILE": ""}
    trial.daemon()
    control = socket_path(home.database)
    files = [home.database.with_name(home.database.name + end) for end in ("", "-wal", "-shm")]
    questions = [(verb, path) for path in [*files, home.lock_file] for verb in ("read", "write")]
    questions += [("enter", control.parent), ("connect", control)]
    questions += [("query", home.database), ("change", home.database)]
    strange = ask_as_stranger(*questions)
    assert not [question for question, (done, _) in strange.items() if done], strange
    assert not [what for _, what in strange.values() if "No such file" in str(what)], strange
    group = ask_as_stranger(*questions, group=os.getgid())
    possible = {question for question, (done, _) in group.items() if done}
    readable = {f"read {path}" for path in files} | {f"query {home.database}"}
    assert possible == (readable if mode == "0640" else set()), (mode, group)
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
    assert set(rights.values()) == {int(mode, 8)}, rights
    trial.saw(f"refused at {mode}")


@fault(24, "files and folders that others prepared", short=1, long=20)
def traps(trial: Trial) -> None:
    """Each refused with status 2 and words that name it; nothing in the way is touched."""
    trial.sync()
    possible = [trap for trap in TRAPS if IS_ROOT or trap not in ROOT_ONLY]
    first = 3 * trial.number if trial.is_long else trial.dice.randrange(len(possible))
    chosen = [possible[(first + step) % len(possible)] for step in range(3)]
    for number, trap in enumerate(chosen):
        _refused(trial, trap, trial.home.folder / f"trap-{number}")
        trial.saw(trap.__name__.replace("_", " "))
    if len(possible) < len(TRAPS):
        trial.saw(NOT_TRIED)


def _refused(trial: Trial, trap: Trap, folder: Path) -> None:
    folder.mkdir()
    home, kept = trial.home, dict(trial.home.settings)
    place = Home(folder=folder, simulator=home.simulator, settings=dict(home.settings))
    place.settings |= {"TESTIO_DB_PATH": str(home.database)}
    expected, before = trap(place), _looks_of(folder)
    home.settings = place.settings
    try:
        ended = home.run("run", expect=2)
    finally:
        home.settings = kept
    said = ended.stderr[ended.stderr.index("testio-sync: ") :]
    lines = [line for line in said.splitlines() if expected in line]
    assert len(lines) == 1, f"{trap.__name__}: expected {expected!r} in one line of\n{ended.stderr}"
    assert home.token not in ended.stderr + ended.stdout
    assert _looks_of(folder) == before, "what stood in the way was changed"


def _looks_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Rights, owner and content of everything in it."""
    looks = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        looks[str(path)] = (status.st_mode, status.st_uid, content)
    return looks


# -- traps: the socket's place ---------------------------------------------------------------


def _socket(home: Home) -> Path:
    """Where the socket is to be, in a folder that is as it should be."""
    path = home.folder / "s" / "socket"
    path.parent.mkdir(mode=0o700)
    home.settings["TESTIO_SOCKET_PATH"] = str(path)
    return path


def the_socket_a_symlink(home: Home) -> str:
    path = _socket(home)
    path.symlink_to(home.folder / "elsewhere")
    return f"{path} is in the way and is not a socket"


def the_socket_a_file(home: Home) -> str:
    path = _socket(home)
    path.write_text("precious")
    return f"{path} is in the way and is not a socket"


def the_socket_path_too_long(home: Home) -> str:
    path = _socket(home)
    home.settings["TESTIO_SOCKET_PATH"] = str(path.with_name("x" * 120))
    return "set TESTIO_SOCKET_PATH"


def the_socket_folder_open_to_others(home: Home) -> str:
    folder = _socket(home).parent
    folder.chmod(0o711)
    return f"mend it with: chmod 700 {folder}"


def the_socket_folder_of_another(home: Home) -> str:
    folder = _socket(home).parent
    os.chown(folder, NOBODY, NOBODY)
    return f"{folder} belongs to another user"


# -- traps: whose settings are believed ------------------------------------------------------


def _configuration(home: Home, mode: int) -> Path:
    path = home.folder / "config" / "testio-sync" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('testio_notify_command = "/tmp/theirs"\n')
    path.chmod(mode)
    home.settings["XDG_CONFIG_HOME"] = str(home.folder / "config")
    return path


def _token_file(home: Home, mode: int) -> Path:
    path = home.folder / "token"
    path.write_text(home.token)
    path.chmod(mode)
    home.settings |= {"TESTIO_CUSTOMER_API_TOKEN_FILE": str(path), "TESTIO_CUSTOMER_API_TOKEN": ""}
    return path


def a_configuration_that_all_may_write(home: Home) -> str:
    return f"mend it with: chmod go-w {_configuration(home, 0o646)}"


def a_configuration_that_a_group_may_write(home: Home) -> str:
    path = _configuration(home, 0o664)
    os.chown(path, os.getuid(), NOBODY)
    return f"mend it with: chmod go-w {path}"


def a_configuration_of_another(home: Home) -> str:
    os.chown(_configuration(home, 0o644), NOBODY, NOBODY)
    return "a file that belongs to you or to root"


def a_token_file_that_a_group_may_write(home: Home) -> str:
    return f"mend it with: chmod 600 {_token_file(home, 0o620)}"


def a_token_file_that_a_group_may_read(home: Home) -> str:
    return f"mend it with: chmod 600 {_token_file(home, 0o640)}"


def a_token_file_of_another(home: Home) -> str:
    os.chown(_token_file(home, 0o600), NOBODY, NOBODY)
    return "a file that belongs to you or to root"


ROOT_ONLY: tuple[Trap, ...] = (
    the_socket_folder_of_another,
    a_configuration_that_a_group_may_write,
    a_configuration_of_another,
    a_token_file_of_another,
)
TRAPS: tuple[Trap, ...] = (
    the_socket_a_symlink,
    the_socket_a_file,
    the_socket_path_too_long,
    the_socket_folder_open_to_others,
    a_configuration_that_all_may_write,
    a_token_file_that_a_group_may_write,
    a_token_file_that_a_group_may_read,
    *ROOT_ONLY,
)


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; those of the tests are closed."""
    folder = Path(tempfile.mkdtemp(prefix="testio-sync-open-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
