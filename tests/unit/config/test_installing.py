"""The configuration file is written whole and private, and never over another."""

from __future__ import annotations

import os
import stat
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import installing
from config.installing import AlreadyThere, compose, install, token_path

NOW = datetime(2026, 1, 31, 8, 5, 9, tzinfo=UTC)
VALUES = {"TESTIO_DB_PATH": "/d"}


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_back_as_it_was(value: str) -> None:
    assert tomllib.loads(compose({"a": value, "b": "x"})) == {"a": value, "b": "x"}


def test_both_files_are_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    config = tmp_path / "new" / "config.toml"
    before = os.umask(0)
    try:
        assert install(config, VALUES, "tok-en-4711", replace=False, now=NOW) == ()
    finally:
        os.umask(before)
    assert set(contents(config.parent)) == {"config.toml", "config.token"}
    for path in config.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
    read = tomllib.loads(config.read_text(encoding="utf-8"))
    assert read == {**VALUES, "TESTIO_CUSTOMER_API_TOKEN_FILE": str(token_path(config))}
    assert token_path(config).read_text() == "tok-en-4711\n"


def test_the_token_file_is_never_the_configuration_itself() -> None:
    assert token_path(Path("/a/b.toml")) == Path("/a/b.token")
    assert token_path(Path("/a/b")) == Path("/a/b.token")
    assert token_path(Path("/a/b.token")) == Path("/a/b.token.token")


@pytest.mark.parametrize("name", ["config.toml", "config.token"])
def test_neither_file_is_overwritten(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(AlreadyThere, match=name):
        install(tmp_path / "config.toml", VALUES, "new-token", replace=False, now=NOW)
    assert contents(tmp_path) == {name: "mine"}


def test_a_file_that_comes_up_meanwhile_is_not_overwritten_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "refuse_existing", lambda _config: None)
    (tmp_path / "config.toml").write_text("mine")
    with pytest.raises(AlreadyThere, match=r"config\.toml"):
        install(tmp_path / "config.toml", VALUES, "new-token", replace=False, now=NOW)
    assert "config.token" not in contents(tmp_path)
    assert contents(tmp_path)["config.toml"] == "mine"


def test_what_is_replaced_is_kept_under_the_name_of_its_backup(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    install(config, VALUES, "old-token", replace=False, now=NOW)
    old = contents(tmp_path)
    backups = install(config, {"A": "b"}, "new-token", replace=True, now=NOW)
    assert [path.name for path in backups] == [
        "config.token.20260131T080509Z.bak",
        "config.toml.20260131T080509Z.bak",
    ]
    found = contents(tmp_path)
    assert found["config.token"] == "new-token\n"
    assert found[backups[0].name] == old["config.token"]
    assert found[backups[1].name] == old["config.toml"]
    assert len(found) == 4
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_everything_as_it_was(
    failing: int,
    replace: bool,
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "config.toml"
    if replace:
        install(config, VALUES, "old-token", replace=False, now=NOW)
    before, calls, fsync = contents(tmp_path), iter(range(9)), os.fsync

    def broken(descriptor: int) -> None:
        if next(calls) == failing:
            raise error
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(type(error)):
        install(config, {"A": "b"}, "new-token", replace=replace, now=NOW)
    assert contents(tmp_path) == before
