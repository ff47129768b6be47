"""The files of the service, filled in for one installation. `deploy/` holds them for packagers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rules.unit_files import command_line

UNIT = "testio-sync.service"
ACCOUNT = "testio-sync"
"""The user and the group that the system service runs as."""

SYSUSERS_LINE = f'u {ACCOUNT} - "testio-sync" /var/lib/testio-sync'
"""What systemd-sysusers makes the account of."""


class ServiceRefused(Exception):
    """The service cannot be installed or removed like that; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the files of the service are: the system's, or one person's (`user`)."""

    user: bool
    unit: Path
    config: Path
    token: Path
    database: Path

    @property
    def kind(self) -> str:
        """The name of its templates."""
        return "user" if self.user else "system"


def system_place(config: Path | None = None) -> Place:
    """The service of the system."""
    return Place(
        user=False,
        unit=Path("/etc/systemd/system") / UNIT,
        config=config or Path("/etc/testio-sync/config.toml"),
        token=Path("/etc/testio-sync/token"),
        database=Path("/var/lib/testio-sync/testio.db"),
    )


def user_place(config: Path | None = None, *, home: Path | None = None) -> Place:
    """The service of this person."""
    home = home or Path.home()
    folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return Place(
        user=True,
        unit=folder / "systemd" / "user" / UNIT,
        config=config or folder / "testio-sync" / "config.toml",
        token=folder / "testio-sync" / "token",
        database=home / ".testio-sync" / "testio.db",
    )


def this_program() -> tuple[str, ...]:
    """The command that runs this very installation."""
    script = Path(sys.executable).with_name("testio-sync")
    if script.is_file():
        return (str(script),)
    return (sys.executable, "-P", "-m", "cli.main")


def unit_text(place: Place, program: Sequence[str]) -> str:
    """The unit that runs this program there. Raises ServiceRefused."""
    try:
        command = command_line([*program, "run", "--config", str(place.config)])
    except ValueError as error:
        raise ServiceRefused(f"{error}; install testio-sync elsewhere") from error
    return _filled(f"{place.kind}.service", COMMAND=command, TOKEN=str(place.token))


def config_text(place: Place) -> str:
    """The settings to begin with."""
    return _filled(
        f"{place.kind}.toml",
        DATABASE=_in_toml(place.database),
        TOKEN=_in_toml(place.token),
    )


def _filled(name: str, **values: str) -> str:
    text = files("service").joinpath("units", name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _in_toml(path: Path) -> str:
    """The path as it stands between the quotes of a TOML text, which are those of JSON."""
    return json.dumps(str(path), ensure_ascii=False)[1:-1]
