"""Writes a configuration file and the token file beside it: private, whole, and never over others.

Each file is made under another name and then given its own, which fails where something is
unless that may be replaced.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

MODE = 0o600

HEAD = """\
# Settings of testio-sync, one a line. The README lists them all; the environment comes first.
"""


class AlreadyThere(Exception):
    """There is such a file, and nobody said that it may be replaced."""


def token_path(config: Path) -> Path:
    """The token file of a configuration file: `config.token` beside `config.toml`."""
    is_taken = config.suffix == ".token"
    return config.with_name(f"{config.name if is_taken else config.stem}.token")


def refuse_existing(config: Path) -> None:
    """Raise AlreadyThere if a configuration or its token file is there."""
    for path in (config, token_path(config)):
        if os.path.lexists(path):
            raise AlreadyThere(f"{path} is there already")


def install(
    config: Path, values: Mapping[str, str], token: str, *, replace: bool, now: datetime
) -> tuple[Path, ...]:
    """Write both files, or neither; returns the backups of the old ones, if `replace` allows them.

    Raises AlreadyThere or OSError.
    """
    if not replace:
        refuse_existing(config)
    token_file = token_path(config)
    text = compose({**values, "TESTIO_CUSTOMER_API_TOKEN_FILE": str(token_file)})
    config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    backups = {path: _keep(path, now) for path in (token_file, config)}
    begun: list[Path] = []
    try:
        for path, content in ((token_file, f"{token}\n"), (config, text)):
            begun.append(path)
            _write(path, content, replace=replace)
    except AlreadyThere:
        _put_back(begun[:-1], backups)
        raise
    except BaseException:
        _put_back(begun, backups)
        raise
    return tuple(backup for backup in backups.values() if backup is not None)


def compose(values: Mapping[str, str]) -> str:
    """The text of a configuration file with these settings."""
    return HEAD + "".join(f"{name} = {_quoted(value)}\n" for name, value in values.items())


def _quoted(value: str) -> str:
    """A basic string of TOML: that of JSON, but for the one control character JSON lets be."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _keep(path: Path, now: datetime) -> Path | None:
    """Give a file a second name, that of its backup; None if there is no file."""
    if not os.path.lexists(path):
        return None
    backup = path.with_name(f"{path.name}.{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.bak")
    os.link(path, backup, follow_symlinks=False)
    return backup


def _put_back(begun: list[Path], backups: Mapping[Path, Path | None]) -> None:
    for path, backup in backups.items():
        with suppress(OSError):
            if backup is None and path in begun:
                path.unlink(missing_ok=True)
            if backup is not None:
                backup.replace(path)
                backup.unlink(missing_ok=True)  # renaming to a name of the same file does nothing


def _write(path: Path, content: str, *, replace: bool) -> None:
    """Make a private file with this content, on disk, or none. Raises AlreadyThere or OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    made = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, MODE)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if replace:
            made.replace(path)
        else:
            os.link(made, path)
    except FileExistsError as error:
        raise AlreadyThere(f"{path} is there already") from error
    finally:
        made.unlink(missing_ok=True)
