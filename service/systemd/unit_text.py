"""The files of the service, filled in for one installation. `deploy/` holds them for packagers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from config.places import default_config_file, home_folder
from rules.host.unit_files import command_line

UNIT = "testio-sync.service"
ACCOUNT = "testio-sync"
"""The user and the group that the system service runs as."""

SYSUSERS_LINE = f'u {ACCOUNT} - "testio-sync" /var/lib/testio-sync'
"""What systemd-sysusers makes the account of."""


class ServiceRefused(Exception):
    """The service cannot be installed or removed like that; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPaths:
    """Where the files of the service are: the system's, or one person's (`user`).

    `token` is what systemd hands over as a credential; a person's settings name it themselves.
    """

    user: bool
    unit: Path
    config: Path
    token: Path | None
    database: Path


def system_place(config: Path | None = None) -> InstallPaths:
    """The service of the system."""
    return InstallPaths(
        user=False,
        unit=Path("/etc/systemd/system") / UNIT,
        config=config or Path("/etc/testio-sync/config.toml"),
        token=Path("/etc/testio-sync/token"),
        database=Path("/var/lib/testio-sync/testio.db"),
    )


def user_place(
    config: Path | None = None, *, environ: Mapping[str, str] | None = None
) -> InstallPaths:
    """The service of this person, with the configuration that all commands read."""
    usual = default_config_file(environ)
    return InstallPaths(
        user=True,
        unit=usual.parents[1] / "systemd" / "user" / UNIT,
        config=config or usual,
        token=None,
        database=home_folder(environ) / ".testio-sync" / "testio.db",
    )


def this_program() -> tuple[str, ...]:
    """The command that runs this very installation."""
    script = Path(sys.executable).with_name("testio-sync")
    if script.is_file():
        return (str(script),)
    return (sys.executable, "-P", "-m", "cli.main")


def unit_text(place: InstallPaths, program: Sequence[str]) -> str:
    """The unit that runs this program there. Raises ServiceRefused."""
    try:
        command = command_line([*program, "run", "--config", str(place.config)])
    except ValueError as error:
        raise ServiceRefused(f"{error}; install testio-sync elsewhere") from error
    if place.user:
        return _filled("user.service", COMMAND=command)
    return _filled("system.service", COMMAND=command, TOKEN=str(place.token))


def system_settings(place: InstallPaths) -> str:
    """The system service's settings to begin with; a person's are written by `init`."""
    return _filled("system.toml", DATABASE=str(place.database), TOKEN=str(place.token))


def _filled(name: str, **values: str) -> str:
    text = files("service.systemd").joinpath("units", name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
