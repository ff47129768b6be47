"""What did nothing does not say that all is well, and what shows nothing says why."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cli.main import main
from config.loading import load_settings
from config.problems import SettingsError
from rules.run.outcome import NO_PRODUCTS
from tests.integration.test_looking import Program
from tests.rig import Rig


@pytest.fixture
def make_program(
    make_rig: Callable[..., Rig],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Program]:
    def make(**options: object) -> Program:
        rig = make_rig(**options)
        monkeypatch.setenv("TESTIO_CUSTOMER_API_BASE_URL", rig.simulator.base_url)
        monkeypatch.setenv("TESTIO_CUSTOMER_API_TOKEN", rig.simulator.token)
        return Program(rig, capsys)

    return make


@pytest.fixture
def synced(make_program: Callable[..., Program]) -> Program:
    program = make_program(products=3, features=2, tests=4)
    program.rig.sync()
    return program


# -- databases that hold no mirror ---------------------------------------------------------------

READERS = (
    ("status",),
    ("runs",),
    ("runs", "show", "1"),
    ("products",),
    ("features",),
    ("tests",),
    ("bugs",),
    ("events",),
    ("problems", "list"),
    ("problems", "retry"),
    ("deletions", "list"),
    ("verify",),
    ("export", "--to", "exported"),
    ("backup", "copy.db"),
)


def empty(path: Path) -> None:
    path.touch()


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("VACUUM")


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        (empty, "is empty: there is no mirror in it yet; a first sync makes one"),
        (without_tables, "is empty: there is no mirror in it yet; a first sync makes one"),
        (of_another_program, "is another program's database; it is left as it is"),
    ],
)
@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_a_file_without_a_mirror_is_not_read_as_one_without_rows(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    made_by: Callable[[Path], None],
    said: str,
) -> None:
    monkeypatch.setenv("TESTIO_CUSTOMER_API_TOKEN", "some-token")
    path = tmp_path / "x.db"
    made_by(path)
    before = path.read_bytes()
    assert main([*words, "--db", str(path)]) == 6
    out, err = capsys.readouterr()
    assert f"{path} {said}" in err
    assert out == ""
    assert path.read_bytes() == before
    assert not Path("copy.db").exists()
    assert not list(Path("exported").glob("*"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sqlite:////data/m.db", "a path and no URL, like /data/m.db"),
        ("sqlite:///m.db", "a path and no URL, like m.db"),
        ("sqlite://", "a path and no URL, like testio.db"),
        ("file:/data/m.db?mode=ro", "a path and no URL, like /data/m.db"),
        ("file:///data/m.db", "a path and no URL, like /data/m.db"),
        ("postgresql://me:s3cret@host/db", "a path and no URL, like ~/.testio-sync/testio.db"),
        (":memory:", "what is in memory only is gone with its process"),
        ("file::memory:?cache=shared&mode=memory", "what is in memory only"),
        ("file:m?mode=memory", "what is in memory only"),
        ("", "a path"),
        ("  ", "a path"),
        ("a\0b", "a path"),
        ("no-such-folder/", "a path to a file, like no-such-folder/testio.db"),
    ],
)
@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_what_is_no_path_to_a_database_is_refused_with_what_to_write(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    given: str,
    said: str,
) -> None:
    before = set(tmp_path.rglob("*"))
    words = ["runs"]
    if source == "flag":
        words += ["--db", given]
    elif source == "environment":
        if "\0" in given:
            return  # no environment holds it
        monkeypatch.setenv("TESTIO_DB_PATH", given)
    else:
        file = tmp_path / "c.toml"
        text = given.replace("\0", "\\u0000")
        file.write_text(f'testio_db_path = "{text}"\n')
        file.chmod(0o600)
        before.add(file)
        words += ["--config", str(file)]
    assert main(words) == 2
    _, err = capsys.readouterr()
    assert "TESTIO_DB_PATH" in err
    assert said in err
    assert "s3cret" not in err
    assert set(tmp_path.rglob("*")) == before, "nothing was made"


@pytest.mark.parametrize("path", ["testio.db", "/data/with space/m.db", "a:b.db", "~/m.db", "./x"])
def test_ordinary_paths_are_taken(path: str) -> None:
    assert load_settings(flags={"TESTIO_DB_PATH": path}, env_file=None).db_path.name


def test_urls_are_no_paths_of_other_files_either() -> None:
    with pytest.raises(SettingsError, match="a path and no URL, like /var/log/"):
        load_settings(flags={"LOG_FILE": "file:///var/log/x.log"}, env_file=None)


# -- screens of no size --------------------------------------------------------------------------

SHOWING = (("status",), ("runs",), ("products",), ("tests",), ("check", "--offline"))


@pytest.mark.parametrize("name", ["COLUMNS", "LINES"])
@pytest.mark.parametrize("size", ["0", "-1", "", "abc", "²", "٣", "1e3", "99999999999999999999"])
def test_an_impossible_size_is_as_if_it_were_not_set(
    synced: Program, monkeypatch: pytest.MonkeyPatch, name: str, size: str
) -> None:
    plain = [synced.run(*words)[0].splitlines()[0] for words in SHOWING[:4]]
    monkeypatch.setenv(name, size)
    assert [synced.run(*words)[0].splitlines()[0] for words in SHOWING[:4]] == plain
    assert name not in os.environ


@pytest.mark.parametrize("size", ["1", "5", "19"])
def test_the_narrowest_screen_shows_something(
    synced: Program, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("COLUMNS", size)
    out, _ = synced.run("runs")
    assert "success" in out
    assert max(map(len, out.splitlines())) <= 20


# -- nothing to do -------------------------------------------------------------------------------


def test_a_sync_of_an_account_without_products_says_so(
    make_program: Callable[..., Program],
) -> None:
    program = make_program(products=0)
    assert program.rig.sync().warnings == (NO_PRODUCTS,)
    program.rig.database.close()  # one writer in a process
    out, _ = program.run("sync")
    assert f"warning: {NO_PRODUCTS}" in out
    assert NO_PRODUCTS in program.run("runs", "show", "2")[0]


def test_a_comparison_of_nothing_proves_nothing(make_program: Callable[..., Program]) -> None:
    program = make_program(products=0)
    program.rig.sync()
    out, _ = program.run("verify", expect=3)
    assert "nothing was compared" in out


def test_products_that_the_account_has_not_are_named_not_shown_as_empty(
    synced: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTIO_PRODUCT_IDS", "98,99")
    for verb in ("features", "tests", "bugs"):
        _, err = synced.run(verb, expect=2)
        assert "none of TESTIO_PRODUCT_IDS (98, 99) is in the product list" in err
    synced.run("verify", expect=3)
    synced.rig.database.close()  # one writer in a process
    synced.run("sync", expect=3)


def test_an_empty_log_and_no_events_are_told_apart_from_silence(
    synced: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "daemon.log"
    log.touch()
    monkeypatch.setenv("LOG_FILE", str(log))
    assert f"{log} has no line to show" in synced.run("logs")[1]
    assert "there are no such events" in synced.run("events", "--product", "99")[1]
    assert synced.run("events", "--product", "99", "--json")[0] == ""


def test_what_is_not_there_cannot_be_decided_on(synced: Program) -> None:
    synced.rig.database.close()  # one writer in a process
    assert "there is no problem with the id 7" in synced.run("problems", "clear", "7", expect=2)[1]
    assert "under the id 7" in synced.run("deletions", "accept", "7", expect=2)[1]
    assert "nothing to test" in synced.run("notify", "--test", expect=2)[1]
    assert "nothing to rebuild" in synced.run("rebuild", "--yes", expect=2)[1]
    assert "expected 1 to 10000" in synced.run("verify", "--sample", "0", expect=2)[1]
