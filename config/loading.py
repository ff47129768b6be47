"""Brings the settings together from all their sources and reports all problems at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from config.problems import SettingProblem, SettingsError, nearest
from config.secrets import REDACTOR
from config.settings import Settings, names

SECRET_NAMES = frozenset(
    {"TESTIO_CUSTOMER_API_TOKEN", "TESTIO_PROXY_URL", "TESTIO_NOTIFY_WEBHOOK_URL"}
)
PREFIX = "TESTIO_"
SECRET_PATH = 8
"""Characters of a URL's path from which on it is masked by itself."""
OF_THE_HOOK = frozenset(
    f"TESTIO_NOTIFY_{name}" for name in ("EVENT", "TEXT", "STATUS", "RUN_ID", "DATABASE", "HOST")
)
"""What a notification's command finds in its environment: no settings."""


def load_settings(
    *,
    flags: Mapping[str, Any],
    config_file: Path | None = None,
    env_file: Path | None = Path(".env"),
) -> Settings:
    """The settings of this process. `flags` holds public names. Raises SettingsError."""
    problems: list[SettingProblem] = []
    toml = _toml_file(config_file, problems)
    sources: dict[str, Mapping[str, Any]] = {
        "a flag": flags,
        "the environment": os.environ,
        ".env": _env_file(env_file, problems),
        str(config_file): toml,
    }
    for source, content in sources.items():
        for given in content:
            problems += _unknown(given, source, strict=source == str(config_file))
    readable = not any(problem.name == str(env_file) for problem in problems)
    try:
        settings = _settings_class(toml)(_env_file=env_file if readable else None, **flags)
    except ValidationError as error:
        problems += [_invalid(detail, sources) for detail in error.errors()]
    if problems:
        raise SettingsError(problems)
    if settings.proxy_url:
        REDACTOR.add(urlsplit(settings.proxy_url).password or "")
    if settings.notify_webhook_url is not None:
        _hide_url(settings.notify_webhook_url.get_secret_value())
    return settings


def _hide_url(url: str) -> None:
    """Who knows a webhook's URL can post to it; its path alone stands in the logs of libraries."""
    REDACTOR.add(url)
    path = url.partition("//")[2].partition("/")[2]
    if len(path) >= SECRET_PATH:
        REDACTOR.add(path)


def _settings_class(toml: Mapping[str, Any]) -> Callable[..., Settings]:
    """Settings that read their sources in the documented order, with these values of the file."""

    class Configured(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_file = {name.upper(): value for name, value in toml.items()}
            file_settings = InitSettingsSource(settings_cls, init_kwargs=from_file)
            return init_settings, env_settings, dotenv_settings, file_settings

    return Configured


def _env_file(path: Path | None, problems: list[SettingProblem]) -> Mapping[str, Any]:
    if path is None or not path.is_file():
        return {}
    try:
        given = dotenv_values(path)
    except (OSError, ValueError) as error:
        expected = f"a readable text file ({type(error).__name__})"
        problems.append(
            SettingProblem(
                name=str(path), source="the working folder", shown=None, expected=expected
            )
        )
        return {}
    return {name: value for name, value in given.items() if value is not None}


def _toml_file(path: Path | None, problems: list[SettingProblem]) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        expected = f"a readable TOML file ({reason})"
        problems.append(
            SettingProblem(name="--config", source="a flag", shown=str(path), expected=expected)
        )
        return {}


def _unknown(given: str, source: str, *, strict: bool) -> list[SettingProblem]:
    """A name that is no setting: an error in our own file, elsewhere only if it looks like one."""
    known = names().values()
    if given.upper() in known or given in OF_THE_HOOK:
        return []
    near = nearest(given, known)
    if not strict and (near is None or not given.upper().startswith(PREFIX)):
        return []
    return [
        SettingProblem(
            name=given,
            source=source,
            shown=None,
            expected="the name of a setting",
            hint=f"did you mean {near}?" if near else "see the README for all settings",
        )
    ]


def _invalid(detail: ErrorDetails, sources: Mapping[str, Mapping[str, Any]]) -> SettingProblem:
    name = str(detail["loc"][0])
    holders = (s for s, content in sources.items() if name in map(str.upper, content))
    given = detail["input"]
    return SettingProblem(
        name=name,
        source=next(holders, "the default"),
        shown="[secret]" if name in SECRET_NAMES else _shown(given),
        expected=_expectation(name, detail),
    )


def _shown(given: object) -> str:
    """The value as it was given, but for a user name and password in a URL."""
    return re.sub(r"//.*@", "//[secret]@", repr(given))


def _expectation(name: str, detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    description = next(
        info.description or ""
        for info in Settings.model_fields.values()
        if info.validation_alias == name
    )
    limits = allowed_range(name)
    return f"{message}{f' ({limits})' if limits else ''}. {description}"


def allowed_range(name: str) -> str:
    """The range of a number, e.g. `0 to 604800`; empty for other settings."""
    info = next(i for i in Settings.model_fields.values() if i.validation_alias == name)
    bounds = {}
    for limit in info.metadata:
        for side in ("ge", "le"):
            if (value := getattr(limit, side, None)) is not None:
                bounds[side] = value
    return f"{bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else ""
