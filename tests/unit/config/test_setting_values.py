"""Each setting's values: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from config.loading import load_settings
from config.problems import SettingProblem, SettingsError
from config.settings import MAX_ID, Settings, names
from config.wording import allowed_range

BASE_URL, DB_PATH = "TESTIO_CUSTOMER_API_BASE_URL", "TESTIO_DB_PATH"

RANGES: dict[str, tuple[float, float, float]] = {
    "TESTIO_REFRESH_INTERVAL_SECONDS": (0, 604_800, 0.5),
    "TESTIO_REFRESH_JITTER_SECONDS": (0, 3_600, 0.5),
    "TESTIO_RECONCILE_INTERVAL_SECONDS": (0, 31_536_000, 0.5),
    "TESTIO_EVENTS_RETENTION_DAYS": (1, 36_500, 1),
    "TESTIO_LOCK_WAIT_SECONDS": (0, 3_600, 0.5),
    "CACHE_TTL_SECONDS": (0, 31_536_000, 0.5),
    "MAX_CONCURRENT_API_REQUESTS": (1, 64, 1),
    "TESTIO_REQUESTS_PER_SECOND": (0, 10_000, 1),
    "HTTP_TIMEOUT_SECONDS": (0.1, 600, 0.05),
    "TESTIO_MAX_RESPONSE_MB": (1, 1_024, 1),
    "TESTIO_HEALTH_MAX_AGE_SECONDS": (0, 31_536_000, 0.5),
    "TESTIO_NOTIFY_REPEAT_SECONDS": (0, 31_536_000, 0.5),
    "TESTIO_NOTIFY_TIMEOUT_SECONDS": (0.1, 300, 0.05),
}
"""Lowest, highest, and a step beyond that is still of the setting's type."""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in names().values():
        monkeypatch.delenv(name, raising=False)


def load(toml: str = "", **flags: str) -> Settings:
    config = Path("given.toml")
    config.write_text(toml, encoding="utf-8")
    return load_settings(flags=flags, config_file=config)


def problem_of(name: str, value: str) -> SettingProblem:
    """What is said about a text given as a flag."""
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    (problem,) = caught.value.problems
    assert problem.name == name
    return problem


def problem_in(toml: str) -> SettingProblem:
    """What is said about one value in the TOML file, of whatever type."""
    with pytest.raises(SettingsError) as caught:
        load(toml)
    (problem,) = caught.value.problems
    assert problem.source == "given.toml"
    return problem


def test_every_number_has_a_range_and_this_file_knows_them_all() -> None:
    assert {name for name in names().values() if allowed_range(name)} == set(RANGES)


@pytest.mark.parametrize("name", RANGES)
def test_a_range_is_checked_at_both_ends(name: str) -> None:
    low, high, step = RANGES[name]
    field = next(field for field, public in names().items() if public == name)
    for inside in (low, high):
        assert getattr(load(**{name: str(inside)}), field) == inside
    for outside in (low - step, high + step, "nan", "inf", "-inf", "", "ten"):
        problem = problem_of(name, str(outside))
        assert f"{low} to {high}" in problem.expected
        assert problem.shown == repr(str(outside))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("18", frozenset({18})),
        ("18,42", frozenset({18, 42})),
        ("18 42,18", frozenset({18, 42})),
        (" 1 , 2 ", frozenset({1, 2})),
        (str(MAX_ID), frozenset({MAX_ID})),
    ],
)
def test_product_ids(text: str, expected: frozenset[int] | None) -> None:
    assert load(TESTIO_PRODUCT_IDS=text).product_ids == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1;2", "all", "²", "1_8", str(MAX_ID + 1)])
def test_what_is_no_product_id_is_refused(text: str) -> None:
    assert "e.g. 18,42" in problem_of("TESTIO_PRODUCT_IDS", text).expected


@pytest.mark.parametrize(
    "value", ["[0]", "[true]", "[1.0]", "['1']", "5", "true", f"[{MAX_ID + 1}]"]
)
def test_a_toml_list_of_product_ids_holds_whole_numbers_only(value: str) -> None:
    assert load("testio_product_ids = [18, 42]").product_ids == frozenset({18, 42})
    assert load("testio_product_ids = []").product_ids is None
    problem = problem_in(f"testio_product_ids = {value}")
    assert problem.name == "TESTIO_PRODUCT_IDS"


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("''", None),
        ("'2026-01-31'", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:30:00", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
        ("' 2026-01-31T10:30Z '", datetime(2026, 1, 31, 10, 30, tzinfo=UTC)),
        (
            "2026-01-31T10:30:00+02:00",
            datetime(2026, 1, 31, 10, 30, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_dates_without_a_zone_are_utc(toml: str, expected: datetime | None) -> None:
    since = load(f"testio_sync_since = {toml}").sync_since
    assert since == expected
    assert since is None or since.tzinfo is not None


@pytest.mark.parametrize("toml", ["'yesterday'", "'2026-13-01'", "'31.1.2026'", "10:30:00", "[1]"])
def test_what_is_no_date_is_refused(toml: str) -> None:
    problem = problem_in(f"testio_sync_since = {toml}")
    assert problem.name == "TESTIO_SYNC_SINCE"


def test_a_toml_number_is_not_taken_for_seconds_since_1970() -> None:
    """20260131 without quotes is a date that someone meant, not a day in August 1970."""
    problem = problem_in("testio_sync_since = 20260131")
    assert problem.name == "TESTIO_SYNC_SINCE"


@pytest.mark.parametrize(
    ("toml", "mode"),
    [
        ("'0600'", 0o600),
        ("'600'", 0o600),
        ("'0640'", 0o640),
        ("0o600", 0o600),
        ("0o640", 0o640),
    ],
)
def test_file_modes(toml: str, mode: int) -> None:
    assert load(f"testio_db_mode = {toml}").db_mode == mode


@pytest.mark.parametrize("toml", ["'0644'", "'0o600'", "''", "600", "0", "true", "[384]"])
def test_any_other_file_mode_is_refused(toml: str) -> None:
    problem = problem_in(f"testio_db_mode = {toml}")
    assert "0600 (owner only) or 0640" in problem.expected


def test_a_tilde_is_the_home_folder_and_an_empty_optional_path_is_none(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = load(
        "testio_db_path = '~/a.db'\nlog_file = ''",
        TESTIO_CUSTOMER_API_TOKEN_FILE="~/token",
        TESTIO_SOCKET_PATH="",
    )
    assert settings.db_path == home / "a.db"
    assert settings.token_file == home / "token"
    assert (settings.socket_path, settings.log_file) == (None, None)


@pytest.mark.parametrize("name", [DB_PATH, "LOG_FILE"])
def test_the_home_folder_of_nobody_is_a_problem_like_any_other(name: str) -> None:
    assert problem_of(name, "~no-such-user/x").shown == "'~no-such-user/x'"


def test_an_empty_database_path_is_not_the_working_folder() -> None:
    assert problem_of(DB_PATH, "").shown == "''"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.test.io/customer/v2",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://localhost:9",
    ],
)
def test_a_base_url_is_https_or_on_this_machine(url: str) -> None:
    assert load(**{BASE_URL: f"{url}//"}).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.test.io",
        "ftp://api.test.io",
        "http://api.test.io",
        "http://localhost.test.io",
        "http://[::1",
        "https://",
        "https://a/?b",
        "https://a/#b",
        "https://u@a",
    ],
)
def test_any_other_base_url_is_refused(url: str) -> None:
    assert "URL" in problem_of(BASE_URL, url).expected


@pytest.mark.parametrize("port", ["99999", "x"])
def test_a_base_url_with_an_impossible_port_is_refused(port: str) -> None:
    problem_of(BASE_URL, f"https://a:{port}")


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, Path]:
    """Paths where no file can be."""
    (loop := tmp_path / "loop").symlink_to(loop)
    (file := tmp_path / "file").write_text("")
    return {
        "a name too long": tmp_path / ("a" * 300),
        "in a folder with a name too long": tmp_path / ("ä" * 150) / "x",
        "too long in all": tmp_path / ("b/" * 3000) / "x",
        "below a file": file / "x",
        "a loop": loop,
        "in a loop": loop / "x",
    }


PATHS = (DB_PATH, "LOG_FILE", "TESTIO_SOCKET_PATH", "TESTIO_CUSTOMER_API_TOKEN_FILE")


@pytest.mark.parametrize("name", PATHS)
def test_a_path_where_no_file_can_be_is_refused_by_name(
    name: str, nowhere: dict[str, Path]
) -> None:
    for kind, path in nowhere.items():
        problem = problem_of(name, str(path))
        assert problem.expected.startswith("a path where a file can be ("), kind
        assert problem.shown == repr(str(path))
    assert problem_in(f'{name} = "a\\u0000b"').expected.startswith("a path. ")


def test_every_setting_that_names_a_path_is_tried() -> None:
    paths = {
        str(field.validation_alias)
        for field in Settings.model_fields.values()
        if "Path" in str(field.annotation)
    }
    assert paths == set(PATHS)


def test_the_files_beside_a_database_can_have_their_names(tmp_path: Path) -> None:
    assert load(**{DB_PATH: str(tmp_path / ("a" * 200))}).db_path.name == "a" * 200
    (tmp_path / "link").symlink_to(tmp_path / ("ä" * 101))
    for path in (tmp_path / ("a" * 201), tmp_path / "link"):
        assert "at most 200 bytes" in problem_of(DB_PATH, str(path)).expected


IMPOSSIBLE = [
    "api..example.com",
    ".example.com",
    "example.com..",
    "-a.example.com",
    "a-.example.com",
    f"{'x' * 64}.example.com",
    ".".join(["x" * 50] * 6),
    "256.1.1.1",
    "1.2.3",
    "[fe80::1%25eth0]",
    "[::1",
    "[::x]",
    "*.example.com",
    "a b.example.com",
    "a\udcff.example.com",
    "a\nb.example.com",
    "ex\u2100mple.com",
]
POSSIBLE = [
    "example.com",
    "example.com.",
    f"{'x' * 63}.example.com",
    "my_host",
    "192.0.2.7",
    "[2001:db8::1]",
    "m\u00fcnchen.example",
]
WITH_HOSTS = (BASE_URL, "TESTIO_PROXY_URL", "TESTIO_NOTIFY_WEBHOOK_URL")


@pytest.mark.parametrize("name", WITH_HOSTS)
@pytest.mark.parametrize("host", IMPOSSIBLE)
def test_a_host_that_cannot_exist_is_refused_with_the_settings(name: str, host: str) -> None:
    assert problem_of(name, f"https://{host}/x").expected.startswith("a URL like http")


@pytest.mark.parametrize("name", WITH_HOSTS)
@pytest.mark.parametrize("host", POSSIBLE)
def test_a_host_that_can_exist_is_taken(name: str, host: str) -> None:
    load(**{name: f"https://{host}/x"})


@pytest.mark.parametrize("name", [DB_PATH, "LOG_FILE", "TESTIO_SOCKET_PATH"])
def test_a_path_that_is_no_text_is_refused(name: str) -> None:
    assert "names are all UTF-8" in problem_of(name, "a/\udcff.x").expected


def test_a_path_within_a_folder_that_is_gone_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="working folder is gone"):
        load_settings(flags={DB_PATH: "testio.db"})
    assert load_settings(flags={DB_PATH: "/testio.db"}).db_path == Path("/testio.db")
