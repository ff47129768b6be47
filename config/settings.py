"""Every setting, declared once: name, default, range, unit, what it does.

A value comes from a command-line flag, else the environment, else a `.env` file in the working
folder, else the TOML file given with `--config` (or the one in its usual place), else the default.
The name is the same everywhere; files may write it in lower case.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import sys
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.addresses import loopback_address, web_url
from config.places import impossible
from config.problems import SettingProblem

MAX_ID = 2**63 - 1
LONGEST_DATABASE_NAME = 200
"""Bytes; a file system takes 255, and damaged files and backups beside it add up to 40."""


def _base_url(value: object) -> str:
    text = str(value).rstrip("/")
    parts = web_url(text, like="https://api.test.io/customer/v2")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("a URL without user name, password, query and fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("an https URL; plain http only to this machine")
    return text


def _proxy_url(value: object) -> str | None:
    if value is None or value == "":
        return None
    web_url(str(value), like="http://proxy.example:3128")
    return str(value)


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _product_ids(value: object) -> object:
    """Ids separated by commas or spaces; an empty text means all products."""
    if isinstance(value, str):
        words = value.replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() for word in words):
            raise ValueError("product ids, separated by commas, e.g. 18,42")
        value = [int(word) for word in words]
    if isinstance(value, list | tuple | set | frozenset):
        if not all(type(item) is int and 1 <= item <= MAX_ID for item in value):
            raise ValueError("product ids, whole numbers from 1 on, e.g. 18,42")
        return frozenset(value) or None
    return value


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC)
    if isinstance(value, int | float):
        raise ValueError("a date like 2026-01-31 or a time in ISO 8601")
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise ValueError("a date like 2026-01-31 or a time in ISO 8601") from error
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return value


def _file_mode(value: object) -> object:
    modes = {"0600": 0o600, "600": 0o600, "0640": 0o640, "640": 0o640}
    if isinstance(value, str) and value in modes:
        return modes[value]
    if value in modes.values():
        return value
    raise ValueError("0600 (owner only) or 0640 (a group may read)")


_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/|file:|sqlite:")
"""Another program's way to name a file; as a path it would be a relative one."""


def _path(value: object) -> object:
    text = str(value) if isinstance(value, str | Path) else "."
    if not text.strip() or "\0" in text:
        raise ValueError("a path")
    if text.strip().startswith(":memory:") or "mode=memory" in text:
        raise ValueError("a path to a file; what is in memory only is gone with its process")
    if _URL.match(text.strip()):
        raise ValueError(f"a path and no URL, like {_path_in(text)}")
    if text.endswith("/") and not os.path.isdir(text):
        raise ValueError(f"a path to a file, like {text}testio.db")
    if not isinstance(value, str | Path):
        return value
    try:
        path = Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError("a path in full; that user has no home folder") from error
    if (flaw := impossible(path)) is not None:
        raise ValueError(f"a path where a file can be ({flaw})")
    _refuse_unspeakable(path)
    return path


def _database_path(value: object) -> object:
    path = _path(value)
    name = os.path.basename(os.path.realpath(path)) if isinstance(path, Path) else ""
    if len(os.fsencode(name)) > LONGEST_DATABASE_NAME:
        expected = f"a file name of at most {LONGEST_DATABASE_NAME} bytes"
        raise ValueError(f"{expected}: those of the files beside the database are longer")
    return path


ENCODING = sys.getfilesystemencoding().upper()
"""That of names, as the locale has it."""


def _refuse_unspeakable(path: Path) -> None:
    """Names that are no text cannot be said in JSON, nor to SQLite as one of its URIs."""
    try:
        os.path.realpath(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"a path whose names are all {ENCODING}") from error
    except OSError as error:
        raise ValueError("a path in full, for the working folder is gone") from error


def _path_in(url: str) -> str:
    """The path that a URL of a file means: `/data/m.db` of `sqlite:////data/m.db`."""
    scheme, _, rest = url.partition("?")[0].partition(":")
    if "@" in url or scheme not in ("sqlite", "file"):
        return "~/.testio-sync/testio.db"
    path = rest.removeprefix("///" if scheme == "sqlite" else "//")
    return path if path.strip("/") else "testio.db"


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _metrics_address(value: object) -> object:
    if not isinstance(value, str) or not value:
        return None if value in (None, "") else value
    loopback_address(value)
    return value


def _webhook_url(value: object) -> object:
    if not isinstance(value, str) or not value:
        return None if value in (None, "") else value
    parts = web_url(value, like="https://chat.example/hooks/abc")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("a URL without user name, password and fragment")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("an https URL; plain http only to this machine")
    return value


def _command(value: object) -> object:
    if not isinstance(value, str) or not value.strip():
        return None if value is None or isinstance(value, str) else value
    try:
        shlex.split(value)
    except ValueError as error:
        raise ValueError(f"a command and its arguments ({error}), quoted as in a shell") from error
    return value


DatabasePath = Annotated[Path, BeforeValidator(_database_path)]
OptionalPath = Annotated[Path | None, BeforeValidator(_path), BeforeValidator(_empty_is_none)]


def _setting(default: Any, name: str, description: str, **limits: Any) -> Any:
    return Field(default=default, validation_alias=name, description=description, **limits)


class Origin(NamedTuple):
    """Where a value came from; a lower rank comes first."""

    rank: int
    source: str


class Settings(BaseSettings):
    """The configuration of one process. Make it with `config.loading.load_settings`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, validate_default=False)

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)
    _warnings: tuple[SettingProblem, ...] = PrivateAttr(default=())

    def origin(self, name: str) -> Origin:
        """Where the value of a setting, by its public name, came from."""
        return self._origins.get(name, Origin(99, "the default"))

    @property
    def warnings(self) -> tuple[SettingProblem, ...]:
        """Variables that look like a typo of a setting but may be another program's."""
        return self._warnings

    base_url: Annotated[str, BeforeValidator(_base_url)] = _setting(
        "https://api.test.io/customer/v2",
        "TESTIO_CUSTOMER_API_BASE_URL",
        "Where the Customer API is.",
    )
    token: SecretStr | None = _setting(
        None,
        "TESTIO_CUSTOMER_API_TOKEN",
        "The account's API token. A systemd credential or a token file comes first.",
    )
    token_file: OptionalPath = _setting(
        None,
        "TESTIO_CUSTOMER_API_TOKEN_FILE",
        "A file that holds the token; readable by its owner only.",
    )
    proxy_url: Annotated[str | None, BeforeValidator(_proxy_url)] = _setting(
        None,
        "TESTIO_PROXY_URL",
        "A proxy for the remote. Proxy variables of the environment are not used.",
        repr=False,
    )
    db_path: DatabasePath = _setting(
        "~/.testio-sync/testio.db",
        "TESTIO_DB_PATH",
        "The SQLite file that holds the mirror.",
        validate_default=True,
    )
    db_mode: Annotated[int, BeforeValidator(_file_mode)] = _setting(
        0o600, "TESTIO_DB_MODE", "Rights of the database file: 0600 or 0640."
    )
    socket_path: OptionalPath = _setting(
        None,
        "TESTIO_SOCKET_PATH",
        "The control socket; by default in a private folder beside the database.",
    )
    refresh_interval_seconds: float = _setting(
        900.0,
        "TESTIO_REFRESH_INTERVAL_SECONDS",
        "Seconds from one periodic run to the next; 0 turns them off.",
        ge=0,
        le=604_800,
    )
    refresh_jitter_seconds: float = _setting(
        0.0,
        "TESTIO_REFRESH_JITTER_SECONDS",
        "Each periodic run starts up to so many seconds late, at random.",
        ge=0,
        le=3_600,
    )
    reconcile_interval_seconds: float = _setting(
        86_400.0,
        "TESTIO_RECONCILE_INTERVAL_SECONDS",
        "How old a product's last full listing may get before the next one.",
        ge=0,
        le=31_536_000,
    )
    startup_sync: Literal["always", "if-stale"] = _setting(
        "always",
        "TESTIO_STARTUP_SYNC",
        "Whether the daemon begins with a run: always, or if-stale (the last successful one is "
        "older than the interval).",
    )
    product_ids: Annotated[frozenset[int] | None, NoDecode, BeforeValidator(_product_ids)] = (
        _setting(
            None,
            "TESTIO_PRODUCT_IDS",
            "Only these products are synced, separated by commas; empty means all.",
        )
    )
    sync_since: Annotated[
        datetime | None, BeforeValidator(_instant), BeforeValidator(_empty_is_none)
    ] = _setting(
        None,
        "TESTIO_SYNC_SINCE",
        "Only tests that end at or after this date are mirrored; empty means all.",
    )
    events_retention_days: int = _setting(
        90,
        "TESTIO_EVENTS_RETENTION_DAYS",
        "Days for which sync events are kept; ends of runs are kept for good.",
        ge=1,
        le=36_500,
    )
    lock_wait_seconds: float = _setting(
        30.0,
        "TESTIO_LOCK_WAIT_SECONDS",
        "Seconds that a one-shot sync waits for another one on the same database.",
        ge=0,
        le=3_600,
    )
    cache_ttl_seconds: float = _setting(
        3_600.0,
        "CACHE_TTL_SECONDS",
        "Seconds after which `status` calls mirrored data stale.",
        ge=0,
        le=31_536_000,
    )
    max_concurrent_api_requests: int = _setting(
        10,
        "MAX_CONCURRENT_API_REQUESTS",
        "Requests to the remote under way at once: the number of workers.",
        ge=1,
        le=64,
    )
    requests_per_second: int = _setting(
        0,
        "TESTIO_REQUESTS_PER_SECOND",
        "Requests to the remote a second, at most; 0 means no limit.",
        ge=0,
        le=10_000,
    )
    http_timeout_seconds: float = _setting(
        60.0,
        "HTTP_TIMEOUT_SECONDS",
        "Seconds for one request in all, from connecting to the last byte.",
        ge=0.1,
        le=600,
    )
    max_response_mb: int = _setting(
        64,
        "TESTIO_MAX_RESPONSE_MB",
        "Megabytes that one decoded answer may have.",
        ge=1,
        le=1_024,
    )
    health_max_age_seconds: float = _setting(
        0.0,
        "TESTIO_HEALTH_MAX_AGE_SECONDS",
        "Seconds after which data that was not refreshed make the daemon unhealthy; 0 means four "
        "refresh intervals.",
        ge=0,
        le=31_536_000,
    )
    metrics_address: Annotated[str | None, BeforeValidator(_metrics_address)] = _setting(
        None,
        "TESTIO_METRICS_ADDRESS",
        "Where Prometheus may fetch metrics, on this machine only, e.g. 127.0.0.1:9464; empty "
        "means only on the control socket.",
    )
    notify_command: Annotated[str | None, BeforeValidator(_command)] = _setting(
        None,
        "TESTIO_NOTIFY_COMMAND",
        "A command that the daemon runs when a run fails and when runs succeed again, without a "
        "shell, with JSON on its stdin.",
    )
    notify_webhook_url: Annotated[SecretStr | None, BeforeValidator(_webhook_url)] = _setting(
        None,
        "TESTIO_NOTIFY_WEBHOOK_URL",
        "A URL to which the same JSON is posted; https, or http to this machine.",
    )
    notify_repeat_seconds: float = _setting(
        21_600.0,
        "TESTIO_NOTIFY_REPEAT_SECONDS",
        "Seconds after which trouble that has not changed is told again.",
        ge=0,
        le=31_536_000,
    )
    notify_timeout_seconds: float = _setting(
        10.0,
        "TESTIO_NOTIFY_TIMEOUT_SECONDS",
        "Seconds that one notification may take.",
        ge=0.1,
        le=300,
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
    ] = _setting("INFO", "LOG_LEVEL", "The least important lines that are logged.")
    log_format: Literal["json", "console", "auto"] = _setting(
        "auto",
        "LOG_FORMAT",
        "json: one object a line; console: for people; auto: console on a terminal.",
    )
    log_file: OptionalPath = _setting(
        None, "LOG_FILE", "Log to this file instead of stderr; it may be rotated away."
    )

    @property
    def max_response_bytes(self) -> int:
        """Bytes that one decoded answer may have."""
        return self.max_response_mb * 1024 * 1024


@cache
def names() -> dict[str, str]:
    """The public name of each field, by field: `db_path` is `TESTIO_DB_PATH`."""
    return {field: str(info.validation_alias) for field, info in Settings.model_fields.items()}
