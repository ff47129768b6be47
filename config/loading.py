"""Brings the settings together from all their sources and reports all problems at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from config.dotenv import DOTENV, problems_of_dotenv
from config.files import dotenv_file, toml_file
from config.places import default_config_file
from config.problems import SettingProblem, SettingsError, nearest
from config.secrets import REDACTOR, hide_url
from config.settings import Origin, Settings, names
from config.wording import expectation

TOKEN = "TESTIO_CUSTOMER_API_TOKEN"  # nosec B105 # the name of a setting
SECRET_NAMES = frozenset({TOKEN, "TESTIO_PROXY_URL", "TESTIO_NOTIFY_WEBHOOK_URL"})
PREFIX = "TESTIO_"
OF_THE_HOOK = frozenset(
    f"TESTIO_NOTIFY_{name}" for name in ("EVENT", "TEXT", "STATUS", "RUN_ID", "DATABASE", "HOST")
)
"""What a notification's command finds in its environment: no settings."""
_files: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("files", default=())
"""What the files say, for the settings that are being made: pydantic asks the class for it."""


def load_settings(
    *,
    flags: Mapping[str, Any],
    config_file: Path | None = None,
    env_file: Path | None = Path(DOTENV),
) -> Settings:
    """The settings of this process. `flags` holds public names. Raises SettingsError.

    Without a `config_file` the one in its usual place is read, if there is one.
    """
    problems: list[SettingProblem] = []
    warnings: list[SettingProblem] = []
    config_file = config_file or _existing(default_config_file())
    env_file = env_file if env_file is not None and _is_there(env_file) else None
    dotenv, toml = dotenv_file(env_file, problems), toml_file(config_file, problems)
    sources: dict[str, Mapping[str, Any]] = {
        "a flag": flags,
        "the environment": os.environ,
        DOTENV: dotenv,
        str(config_file): toml,
    }
    for source, content in sources.items():
        for given in content:
            problem = _unknown(given, source, strict=source == str(config_file))
            if problem is not None:
                is_ours = source == str(config_file) or given.upper().startswith(PREFIX)
                (problems if is_ours else warnings).append(problem)
    origins = _origins(sources)
    problems += problems_of_dotenv(dotenv, origins)
    try:
        settings = _settings_of(dotenv, toml, flags=flags)
    except ValidationError as error:
        problems += [_invalid(detail, origins) for detail in error.errors()]
    if problems:
        raise SettingsError(problems)
    settings._origins, settings._warnings = origins, tuple(warnings)
    if settings.proxy_url:
        password = urlsplit(settings.proxy_url).password or ""
        for form in (password, unquote(password)):  # the latter goes to the proxy, in base64
            REDACTOR.add(form)
    if settings.notify_webhook_url is not None:
        hide_url(settings.notify_webhook_url.get_secret_value())
    return settings


def _existing(path: Path) -> Path | None:
    """The path, unless nothing is there or its folder is closed to this user, as it is to a
    service whose home is hidden; a file that is there and cannot be read is a problem later."""
    return path if os.path.lexists(path) else None


def _is_there(path: Path) -> bool:
    """A working folder that we may not look into (with `sudo -u`, say) has no settings for us."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _origins(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Origin]:
    """The best source of each name, by its spelling in upper case."""
    found: dict[str, Origin] = {}
    for rank, (source, content) in enumerate(sources.items()):
        for name in content:
            found.setdefault(name.upper(), Origin(rank, source))
    return found


class _Configured(Settings):
    """Settings that read their sources in the documented order, with the values of the files.

    The files have been read: what was looked over is what counts.
    """

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        said = ({name.upper(): value for name, value in file.items()} for file in _files.get())
        of_files = (InitSettingsSource(settings_cls, init_kwargs=each) for each in said)
        return init_settings, env_settings, *of_files


def _settings_of(*files: Mapping[str, Any], flags: Mapping[str, Any]) -> Settings:
    """The settings with these values of the files, the first before the second."""
    before = _files.set(files)
    try:
        return _Configured(**flags)
    finally:
        _files.reset(before)


@cache
def _unknown(given: str, source: str, *, strict: bool) -> SettingProblem | None:
    """A name that is no setting: any in our own file, elsewhere only what looks like one."""
    known = names().values()
    if given.upper() in known or given in OF_THE_HOOK:
        return None
    near = nearest(given, known, bare=strict)
    if not strict and near is None:
        return None
    return SettingProblem(
        name=given,
        source=source,
        shown=None,
        expected="the name of a setting",
        hint=f"did you mean {near}?" if near else "see the README for all settings",
    )


def _invalid(detail: ErrorDetails, origins: Mapping[str, Origin]) -> SettingProblem:
    place = str(detail["loc"][0])
    field = Settings.model_fields.get(place)  # a default goes by the name of its field
    name = str(field.validation_alias) if field else place
    origin = origins.get(name)
    return SettingProblem(
        name=name,
        source="the default" if origin is None else origin.source,
        shown="[secret]" if name in SECRET_NAMES else _shown(detail["input"]),
        expected=expectation(name, detail),
    )


def _shown(given: object) -> str:
    """The value as it was given, but for a user name and password in a URL."""
    return re.sub(r"//.*@", "//[secret]@", repr(given))
