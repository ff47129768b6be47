"""Settings: where each comes from, what is refused, and that a person is told all of it at once."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from config.loading import load_settings
from config.problems import SettingsError, nearest
from config.settings import Settings, names

SECRET = "s3cr3t-T0ken-0815"
BASE_URL, DB_PATH = "TESTIO_CUSTOMER_API_BASE_URL", "TESTIO_DB_PATH"
TOKEN, PROXY = "TESTIO_CUSTOMER_API_TOKEN", "TESTIO_PROXY_URL"


def load(toml: str | None = None, env_file: str | None = None, **flags: Any) -> Settings:
    """The settings from files with these texts in the working folder, and the environment."""
    config = None if toml is None else Path("given.toml")
    if config is not None and toml is not None:
        config.write_text(toml, encoding="utf-8")
    if env_file is not None:
        Path(".env").write_text(env_file, encoding="utf-8")
        Path(".env").chmod(0o600)
    return load_settings(flags=flags, config_file=config)


def refused(toml: str | None = None, env_file: str | None = None, **flags: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(toml, env_file, **flags)
    return caught.value


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in names().values():
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("name", "field", "texts", "values", "default"),
    [
        (
            "TESTIO_REFRESH_INTERVAL_SECONDS",
            "refresh_interval_seconds",
            ("1", "2", "3", "4"),
            (1, 2, 3, 4),
            900,
        ),
        (
            "TESTIO_PRODUCT_IDS",
            "product_ids",
            ("1", "2,3", "4 5", "'6'"),
            ({1}, {2, 3}, {4, 5}, {6}),
            None,
        ),
        (
            "LOG_LEVEL",
            "log_level",
            ("ERROR", "DEBUG", "WARNING", "'debug'"),
            ("ERROR", "DEBUG", "WARNING", "DEBUG"),
            "INFO",
        ),
        (
            BASE_URL,
            "base_url",
            ("https://a", "https://b", "https://c", "'https://d'"),
            ("https://a", "https://b", "https://c", "https://d"),
            "https://api.test.io/customer/v2",
        ),
    ],
)
def test_a_flag_comes_before_the_environment_before_dotenv_before_toml_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    field: str,
    texts: tuple[str, str, str, str],
    values: tuple[Any, Any, Any, Any],
    default: Any,
) -> None:
    flag, environment, dotenv, toml = texts
    assert getattr(load(), field) == default
    toml = f"{name.lower()} = {toml}"
    assert getattr(load(toml), field) == values[3]
    assert getattr(load(toml, f"{name}={dotenv}\n{TOKEN}={SECRET}"), field) == values[2]
    monkeypatch.setenv(name, environment)
    assert getattr(load(toml), field) == values[1]
    assert getattr(load(toml, **{name: flag}), field) == values[0]


def test_all_problems_are_reported_at_once_each_with_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_TIMEOUT_SECONDS", "0")
    monkeypatch.setenv("TESTIO_PRODUCT_ID", "18")
    toml = "testio_db_mode = '0777'\nCACHE_TTL_SECONDS = 'soon'\nlog_levle = 'INFO'\n[more]\nx = 1"
    error = refused(toml, "MAX_CONCURRENT_API_REQUESTS=65", TESTIO_STARTUP_SYNC="never")
    assert {(p.name, p.source, p.shown) for p in error.problems} == {
        ("TESTIO_STARTUP_SYNC", "a flag", "'never'"),
        ("HTTP_TIMEOUT_SECONDS", "the environment", "'0'"),
        ("TESTIO_PRODUCT_ID", "the environment", None),
        ("MAX_CONCURRENT_API_REQUESTS", ".env", "'65'"),
        ("TESTIO_DB_MODE", "given.toml", "'0777'"),
        ("CACHE_TTL_SECONDS", "given.toml", "'soon'"),
        ("log_levle", "given.toml", None),
        ("more", "given.toml", None),
    }
    text = str(error)
    assert text.startswith("8 problems with the configuration:\n")
    for part in (
        "HTTP_TIMEOUT_SECONDS = '0'   (from the environment)",
        "0.1 to 600",
        "1 to 64",
        "'always' or 'if-stale'",
        "0600 (owner only) or 0640",
        "did you mean TESTIO_PRODUCT_IDS?",
        "did you mean LOG_LEVEL?",
    ):
        assert part in text, f"{part!r} is missing in\n{text}"


def test_a_value_that_is_hidden_by_a_better_source_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_TIMEOUT_SECONDS", "7")
    assert load("http_timeout_seconds = 'x'", "HTTP_TIMEOUT_SECONDS=y").http_timeout_seconds == 7


def everything_shown(thing: object) -> str:
    trace = traceback.format_exception(thing) if isinstance(thing, BaseException) else []
    return "\n".join([str(thing), repr(thing), *trace])


@pytest.mark.parametrize(
    "toml",
    [
        f"{TOKEN} = ['{SECRET}']",
        f"{TOKEN} = {{ a = '{SECRET}' }}",
        f"{PROXY} = ['http://u:{SECRET}@proxy']",
        f"testio_customer_api_tokn = '{SECRET}'",
        f"{TOKEN} = '{SECRET}\n",
    ],
)
def test_a_refused_secret_is_not_shown(toml: str) -> None:
    text = everything_shown(refused(toml))
    assert SECRET not in text, text


def test_a_password_in_the_base_url_is_not_shown() -> None:
    text = everything_shown(refused(**{BASE_URL: f"https://user:{SECRET}@api.test.io"}))
    assert SECRET not in text, text


def test_secrets_beside_a_refused_setting_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    text = everything_shown(refused("http_timeout_seconds = 0", f"{PROXY}=http://u:{SECRET}@p"))
    assert "HTTP_TIMEOUT_SECONDS" in text
    assert SECRET not in text, text


def test_the_token_is_not_in_what_settings_show_of_themselves() -> None:
    settings = load(**{TOKEN: SECRET})
    assert settings.token is not None
    assert settings.token.get_secret_value() == SECRET
    assert SECRET not in everything_shown(settings), everything_shown(settings)


def test_the_password_of_the_proxy_is_not_in_what_settings_show_of_themselves() -> None:
    settings = load(**{PROXY: f"http://user:{SECRET}@proxy:3128"})
    assert SECRET not in everything_shown(settings), everything_shown(settings)


@pytest.mark.parametrize("name", ["TESTIO_HOME", "TESTIO_E2E", "TESTIO_FOO_BAR", "LOG_LEVELS"])
def test_a_foreign_variable_is_none_of_our_business(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    assert load().log_level == "INFO"


@pytest.mark.parametrize("name", ["TESTIO_DB_PAHT", "testio_db_pat", "TESTIO_REQUEST_PER_SECOND"])
def test_a_variable_that_looks_like_a_typo_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, SECRET)
    (problem,) = refused().problems
    assert problem.hint == f"did you mean {nearest(name, names().values())}?"
    assert SECRET not in str(problem), "the value of an unknown name may be a secret"


@pytest.mark.parametrize("toml", ["a = ", "= 1", "LOG_LEVEL = 'INFO'\nLOG_LEVEL = 'INFO'", "[a"])
def test_a_toml_error_is_reported_with_its_line_and_beside_the_other_problems(toml: str) -> None:
    error = refused(toml, LOG_LEVEL="LOUD")
    assert {problem.name for problem in error.problems} == {"--config", "LOG_LEVEL"}
    assert "given.toml" in str(error)
    assert "at line" in str(error) or "at end of document" in str(error), str(error)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", "folder"])
def test_a_toml_file_that_cannot_be_read_is_a_problem(content: bytes | str | None) -> None:
    path = Path("other.toml")
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(SettingsError, match=r"--config = other\.toml.*\n.*a readable TOML file"):
        load_settings(flags={}, config_file=path)


def test_a_working_folder_that_is_closed_to_us_has_no_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", closed)
    assert load().http_timeout_seconds == 60


def test_a_dotenv_file_that_is_not_text_is_a_problem() -> None:
    Path(".env").write_bytes(b"LOG_LEVEL=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env"):
        load_settings(flags={})


def test_the_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().log_level = "DEBUG"
