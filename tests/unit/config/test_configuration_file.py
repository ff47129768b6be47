"""The configuration file in its usual place, what may stand in it, and what comes before it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.loading import load_settings
from config.places import default_config_file
from config.problems import SettingsError, nearest
from config.settings import Settings, names
from config.token import find_token

TOKEN = "TESTIO_CUSTOMER_API_TOKEN"
FOREIGN_WORDS = ("Input should", "Extra inputs", "unable to", "valid", "pathlib", "permitted")


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the configuration file is looked for; its folder is there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    path = tmp_path / "xdg" / "testio-sync" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def test_a_user_without_a_home_is_told_to_name_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container that runs under any number: no entry in passwd, no HOME."""

    def nobody(_number: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    monkeypatch.delenv("HOME", raising=False)
    assert default_config_file({}) == Path("/.config/testio-sync/config.toml")
    with pytest.raises(SettingsError, match=r"(?s)TESTIO_DB_PATH.*no home folder"):
        load()
    monkeypatch.setenv("TESTIO_DB_PATH", "/d")
    assert load().db_path == Path("/d")


def load(config_file: Path | None = None) -> Settings:
    return load_settings(flags={}, config_file=config_file)


def refusal(config_file: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(config_file)
    return str(caught.value)


def private(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/h"}, "/h/.config"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": ""}, "/h/.config"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x"),
    ],
)
def test_the_usual_place_is_that_of_xdg(environ: dict[str, str], expected: str) -> None:
    assert default_config_file(environ) == Path(expected) / "testio-sync" / "config.toml"


def test_the_file_in_its_usual_place_is_read_unless_another_is_named(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load().log_level == "INFO", "it need not be there"
    config.write_text("log_level = 'ERROR'\ncache_ttl_seconds = 7")
    assert (load().log_level, load().cache_ttl_seconds) == ("ERROR", 7)
    other = tmp_path / "other.toml"
    other.write_text("log_level = 'DEBUG'")
    assert (load(other).log_level, load(other).cache_ttl_seconds) == ("DEBUG", 3600)
    assert load(Path(os.devnull)).log_level == "INFO", "the way to read no file"
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    assert load().log_level == "WARNING"


def test_a_usual_file_that_cannot_be_used_is_a_problem_and_not_silently_left_out(
    config: Path,
) -> None:
    config.write_text("log_levle = 'INFO'")
    assert "did you mean LOG_LEVEL?" in refusal()
    config.write_text("= 1")
    assert f"--config = {config}   (from the usual place)" in refusal()
    config.unlink()
    config.symlink_to(config.parent / "gone")
    assert "a readable TOML file (No such file or directory)" in refusal()


@pytest.mark.parametrize(
    "line", [f"{TOKEN} = 'tok-en-4711'", "testio_proxy_url = 'http://user:pass-word@proxy:1'"]
)
def test_a_file_with_a_secret_has_to_be_private(config: Path, line: str) -> None:
    private(config, line)
    load()
    for mode in (0o640, 0o604, 0o620):
        config.chmod(mode)
        text = refusal()
        assert f"chmod 600 {config}" in text
        assert "tok-en" not in text
        assert "pass-word" not in text
    config.write_text("log_level = 'INFO'")
    load()


def test_a_file_of_somebody_else_with_a_secret_is_refused(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(config, f"{TOKEN} = 'tok-en-4711'")
    if os.getuid() == 0:
        os.chown(config, 65_534, -1)
    else:
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert "a file that belongs to you or to root" in refusal()


def test_a_token_of_the_environment_comes_before_a_token_file_of_the_configuration(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = private(tmp_path / "token", "of-the-file\n")
    config.write_text(f"{TOKEN}_FILE = '{file}'")
    where, token = find_token(load(), {})
    assert token.get_secret_value() == "of-the-file"
    assert where == f"{TOKEN}_FILE ({file}) (from {config})"
    monkeypatch.setenv(TOKEN, "of-the-environment")
    assert find_token(load(), {})[1].get_secret_value() == "of-the-environment"
    monkeypatch.setenv(TOKEN, "")
    assert find_token(load(), {})[1].get_secret_value() == "of-the-file", "empty is none"
    monkeypatch.setenv(TOKEN, "of-the-environment")
    monkeypatch.setenv(f"{TOKEN}_FILE", str(file))
    assert find_token(load(), {})[1].get_secret_value() == "of-the-file", "of one source the file"


def test_a_token_that_cannot_be_used_names_the_file_that_named_it(config: Path) -> None:
    config.write_text(f"{TOKEN}_FILE = '/nowhere/token'")
    with pytest.raises(SettingsError) as caught:
        find_token(load(), {})
    assert f"{TOKEN}_FILE = /nowhere/token   (from {config})" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CACHE_TTL", "CACHE_TTL_SECONDS"),
        ("HTTP_TIMEOUT", "HTTP_TIMEOUT_SECONDS"),
        ("http_timeout", "HTTP_TIMEOUT_SECONDS"),
        ("MAX_CONCURRENT_API_REQUEST", "MAX_CONCURRENT_API_REQUESTS"),
        ("MAX_CONCURRENT_REQUESTS", "MAX_CONCURRENT_API_REQUESTS"),
    ],
)
def test_a_near_name_that_may_be_another_programs_is_a_warning(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch, config: Path
) -> None:
    monkeypatch.setenv(name, "5")
    (warning,) = load().warnings
    assert (warning.name, warning.source) == (name, "the environment")
    assert warning.hint == f"did you mean {meant}?"
    monkeypatch.delenv(name)
    config.write_text(f"{name} = 5")
    assert f"did you mean {meant}?" in refusal(), "in our own file it is an error"


@pytest.mark.parametrize("name", ["TESTIO_LOCK_WAIT", "TESTIO_REFRESH_INTERVAL"])
def test_a_name_of_ours_without_its_unit_is_a_problem(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "5")
    assert nearest(name, names().values()) == f"{name}_SECONDS"
    assert f"did you mean {name}_SECONDS?" in refusal()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("refresh_interval", "TESTIO_REFRESH_INTERVAL_SECONDS"),
        ("refresh_intervall", "TESTIO_REFRESH_INTERVAL_SECONDS"),
        ("db_path", "TESTIO_DB_PATH"),
        ("lock_wait", "TESTIO_LOCK_WAIT_SECONDS"),
    ],
)
def test_in_our_own_file_a_name_may_lack_its_prefix_too(
    name: str, meant: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(f"{name} = 5")
    assert f"did you mean {meant}?" in refusal()
    config.unlink()
    monkeypatch.setenv(name, "5")
    assert load().warnings == (), "in the environment it may be anybody's"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "LOG_DIR", "TIMEOUT", "CACHE", "LOGNAME", "LOG"])
def test_what_is_not_near_is_not_mentioned(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")
    assert load().warnings == ()


@pytest.mark.parametrize("name", names().values())
def test_what_is_expected_is_said_in_plain_words(name: str, tmp_path: Path) -> None:
    """Whatever is given, of whatever type: none of the validator's own words come through."""
    file = tmp_path / "given.toml"
    for value in ("''", "'x'", "'nan'", "-1", "1.5", "[1]", "{a=1}", "true", "10:30:00"):
        private(file, f"{name} = {value}")
        try:
            load(file)
        except SettingsError as error:
            text = str(error)
            assert not any(word in text for word in FOREIGN_WORDS), text
            assert "another value" not in text, text
