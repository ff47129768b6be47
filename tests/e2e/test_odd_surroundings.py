"""Whatever is odd around it, a command ends with a status of the table and names the thing.

Each verb is tried in each kind of surroundings where ODD=long is set; else a part of them, and
each verb and each kind is in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.exit_status import ExitStatus
from simulator import Simulator, SimulatorOptions
from tests.e2e.test_paths_of_one_database import unshare
from tests.faults.small_disk import mounted
from tests.homes import Home
from tests.launcher import Launched, launch
from tests.surroundings import ENDLESS, SURROUNDINGS, VERBS, Needs, Odd
from tests.tools import ON_CI, may_become_another

IS_LONG = os.environ.get("ODD") == "long"
EVERY = 1 if IS_LONG else 13 if ON_CI else 29
"""So many verbs apart are those that are tried in one kind; prime to their number."""
STATUSES = {int(status) for status in ExitStatus}
LONGEST = 30.0
STARTED = 1.5


@pytest.fixture(scope="module")
def template() -> Iterator[tuple[Path, Simulator]]:
    """A mirror of a small account, in a folder that every user may look for."""
    folder = Path(tempfile.mkdtemp(prefix="odd-"))
    folder.chmod(0o755)
    home = folder / "template"
    home.mkdir()
    with Simulator(SimulatorOptions(products=3, features=2, tests=10)) as simulator:
        (home / "token").write_text(simulator.token)
        (home / "token").chmod(0o600)
        synced = launch(
            ["sync"], env=environment(home, simulator), cwd=home, stdin=subprocess.DEVNULL
        )
        assert (synced.communicate(LONGEST), synced.returncode)[1] == 0
        yield home, simulator
    shutil.rmtree(folder)


def environment(home: Path, simulator: Simulator) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HOME": str(home),
        "TESTIO_CUSTOMER_API_BASE_URL": simulator.base_url,
        "TESTIO_CUSTOMER_API_TOKEN": simulator.token,
        "TESTIO_DB_PATH": str(home / "testio.db"),
        "TESTIO_LOCK_WAIT_SECONDS": "1",
        "LOG_FORMAT": "json",
    }


@pytest.mark.timeout(900 if IS_LONG else 60)
@pytest.mark.parametrize("kind", SURROUNDINGS)
def test_it_names_the_thing_and_shows_no_traceback(
    kind: str, template: tuple[Path, Simulator]
) -> None:
    odd, number = SURROUNDINGS[kind], list(SURROUNDINGS).index(kind)
    refuse(odd.needs)
    verbs = [verb for n, verb in enumerate(VERBS) if (n + number * 5) % EVERY == 0]
    wrong = [flaw for verb in verbs for flaw in flaws(verb, odd, *template)]
    assert not wrong, "\n".join(wrong)


def test_each_verb_is_tried_somewhere() -> None:
    kinds = range(len(SURROUNDINGS))
    assert all(any((n + k * 5) % EVERY == 0 for k in kinds) for n in range(len(VERBS)))


CLOSED = ("status", "products", "tests", "runs", "events", "verify", "rebuild", "sync")


@pytest.mark.parametrize("verb", CLOSED)
def test_where_nobody_may_look_is_not_where_nothing_is(
    verb: str, template: tuple[Path, Simulator]
) -> None:
    refuse(Needs.ROOT)
    home, simulator = template
    folder = Path(tempfile.mkdtemp(dir=home.parent))
    folder.chmod(0o755)
    (folder / "closed").mkdir(mode=0o700)
    mirror = folder / "closed/testio.db"
    given = environment(folder, simulator) | {"TESTIO_DB_PATH": str(mirror)}
    process = launch(
        [verb], env=given, cwd=folder, stdin=subprocess.DEVNULL, inside="tests.odd:become"
    )
    status, said = ended(process, is_endless=False)
    assert status == ExitStatus.DATABASE, said
    assert str(mirror.parent) in said
    assert "run as the user it belongs to" in said


def refuse(needs: Needs) -> None:
    if needs is not Needs.NOTHING and not may_become_another():
        pytest.skip(f"needs {needs.value}")
    if needs is Needs.MOUNTS and unshare() is None:
        pytest.skip(f"needs {needs.value}")


def flaws(verb: str, odd: Odd, template: Path, simulator: Simulator) -> Iterator[str]:
    """What is wrong with how this verb ends there."""
    folder = Path(tempfile.mkdtemp(dir=template.parent))
    folder.chmod(0o755)
    home, out = folder / "home", folder / "out"
    shutil.copytree(template, home)
    out.mkdir()
    odd.prepare(home, out)

    def placed(text: str) -> str:
        return text.replace("{home}", str(home)).replace("{out}", str(out))

    given = environment(home, simulator) | {
        name: value if value is None else placed(value) for name, value in odd.settings.items()
    }
    process = launch(
        [*placed(verb).split(), *odd.more],
        env={name: value for name, value in given.items() if value is not None},
        cwd=home,
        stdin=subprocess.DEVNULL,
        inside=placed(odd.inside) if odd.inside else None,
    )
    status, said = ended(process, is_endless=verb in ENDLESS)
    shutil.rmtree(folder)
    what = f"{verb} ended with {status}: {said[-2000:]}"
    if "Traceback" in said or "Exception ignored" in said:
        yield f"a traceback; {what}"
    elif status not in STATUSES:
        yield f"a status of no table; {what}"
    elif status != VERBS[verb] and not is_named(odd, said, placed):
        yield f"it does not name the thing; {what}"


def is_named(odd: Odd, said: str, placed: Callable[[str], str]) -> bool:
    return odd.names is None or any(placed(name) in said for name in odd.names)


def ended(process: Launched, *, is_endless: bool) -> tuple[int, str]:
    """The status, and all that was said."""
    try:
        out, err = process.communicate(STARTED if is_endless else LONGEST)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(LONGEST)
    for stream in (process.stdout, process.stderr):
        stream.close()
    assert process.returncode is not None
    return process.returncode, out + err


def test_nothing_is_left_of_an_export_that_the_disk_does_not_take(home: Home) -> None:
    home.run("sync")
    disk = home.folder / "disk"
    disk.mkdir()
    with mounted(disk) as full:
        if full is None:
            pytest.skip(f"needs {Needs.MOUNTS.value}")
        (disk / "there").mkdir()
        full.fill(0)
        for words in (
            ("--to", "disk/new"),
            ("--to", "disk/there"),
            ("tests", "--to", "disk/t.csv"),
        ):
            said = home.run("export", *words, expect=None)
            assert said.returncode in (ExitStatus.FAILED, ExitStatus.USAGE)
            assert str(disk) in said.stderr
            assert "No space left on device" in said.stderr
        said = home.run("backup", "disk/b.db", expect=None)
        assert "disk/b.db" in said.stderr
        left = sorted(path.name for path in disk.rglob("*") if not path.name.startswith("."))
        assert left == ["there"]
        assert len(list(disk.rglob(".*"))) == 1  # what fills it


def test_a_new_folder_goes_where_there_is_nothing_to_export(home: Home) -> None:
    home.run("export", "--to", "new", expect=6)
    assert not (home.folder / "new").exists()
