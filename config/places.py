"""Where the home and the configuration file are, unless they are named."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

NO_PLACE = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR})
"""What the kernel says of paths where no file can be, whoever asks."""


def impossible(path: Path) -> str | None:
    """Why no file can be at the path, in the system's words; None where one can, or may."""
    try:
        path.stat()
    except OSError as error:
        return error.strerror if error.errno in NO_PLACE else None
    return None


def default_config_file(environ: Mapping[str, str] | None = None) -> Path:
    """`testio-sync/config.toml` in `$XDG_CONFIG_HOME`, else in `~/.config`; it need not exist.

    As XDG asks, a relative XDG_CONFIG_HOME is ignored.
    """
    environ = os.environ if environ is None else environ
    given = Path(environ.get("XDG_CONFIG_HOME", ""))
    folder = given if given.is_absolute() else home_folder(environ) / ".config"
    return folder / "testio-sync" / "config.toml"


def home_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The home of who runs this; `/` for a user who has none, as in many containers."""
    environ = os.environ if environ is None else environ
    try:
        return Path(environ.get("HOME") or "~").expanduser().absolute()
    except RuntimeError:
        return Path("/")


def has_folder() -> bool:
    """Whether the working folder is still there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
