"""A path where no file can be, wherever it is named: a clear word, and the status of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.homes import Home

LONG = "a" * 300
VERBS = (
    *("check", "run", "sync", "sync --dry-run", "sync --nuke --yes", "status", "health", "watch"),
    *("products", "features", "tests", "bugs", "runs", "events", "logs", "problems list"),
    *("deletions list", "verify", "browse --no-open", "rebuild --yes", "pause", "resume"),
    *("interval 60", "concurrency 2", "rate 5", "cancel", "reload", "stop", "notify --test"),
    *("backup copy.db", "export --to out"),
)
AT_ONCE = 4
PLACES = ("long", "below a file", "in a loop")


def at(folder: Path, place: str) -> Path:
    (loop := folder / "loop").symlink_to(loop)
    (file := folder / "file").write_text("")
    return {"long": folder / LONG, "below a file": file / "x", "in a loop": loop / "x"}[place]


def told(home: Home, commands: list[str], path: Path) -> list[str]:
    """What is wrong with what these commands say of the path."""
    wrong = []
    for first in range(0, len(commands), AT_ONCE):
        started = [home.start(*words.split()) for words in commands[first : first + AT_ONCE]]
        for words, process in zip(commands[first:], started, strict=False):
            ended = home.finish(process, expect=None)
            said = ended.stdout + ended.stderr
            flaws = {"Errno", "Traceback"} & set(said.replace("[", " ").split())
            if ended.returncode != 2 or str(path) not in said or flaws:
                wrong.append(f"{words}: {ended.returncode} {said[-300:]}")
    return wrong


@pytest.mark.parametrize("place", PLACES)
def test_every_verb_refuses_such_a_database(home: Home, place: str) -> None:
    # One place a verb: they all read the same settings.
    path = at(home.folder, place)
    home.settings["TESTIO_DB_PATH"] = str(path)
    assert told(home, list(VERBS[PLACES.index(place) :: len(PLACES)]), path) == []


@pytest.mark.parametrize("place", PLACES)
def test_every_file_named_on_a_command_line_is_refused(home: Home, place: str) -> None:
    home.run("sync")
    path = at(home.folder, place)
    commands = [
        f"status --config {path}",
        f"status --db {path}",
        f"backup {path}",
        f"backup {path} --force",
        f"export tests --to {path}",
        f"export tests --to {path}/tests.csv",
        f"export --to {path}/out",
        f"init --non-interactive --offline --config {path}",
        f"init --non-interactive --offline --config {home.folder}/new.toml --db {path}",
        f"init --non-interactive --offline --config {home.folder}/new.toml --token-file {path}",
        f"demo --dir {path}",
        f"service show --config {path}",
    ]
    assert told(home, commands, path) == []


@pytest.mark.parametrize("place", PLACES)
def test_every_folder_that_the_environment_names_is_refused_or_passed_over(
    home: Home, place: str
) -> None:
    path = at(home.folder, place)
    for name, words in (("XDG_CONFIG_HOME", "status"), ("CREDENTIALS_DIRECTORY", "sync")):
        home.settings = {name: str(path)}
        ended = home.run(*words.split(), expect=None)
        assert ended.returncode in (0, 2), ended.stderr
        assert "Errno" not in ended.stderr
