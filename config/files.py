"""Reads the files that hold settings; what cannot be used is one problem among the others."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from config.places import default_config_file
from config.problems import SettingProblem
from config.settings import names


def dotenv_file(path: Path | None, problems: list[SettingProblem]) -> Mapping[str, Any]:
    """What the file says, literally; nothing where there is none, or a new one of `problems`.

    One that cannot be trusted and is another program's is left alone, and so are lines that make
    no sense and bytes that are no text. `${…}` is not expanded: the file may have come with
    somebody's project, and the environment holds other programs' secrets.
    """
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            bindings = list(parse_stream(file))
        given = {b.key: b.value for b in bindings if b.key is not None and b.value is not None}
        broken = [name for b in bindings if b.error and (name := _setting_in(b.original.string))]
        expected = _flaw(path, given)
        if expected and not any(name.upper() in names().values() for name in (*given, *broken)):
            return {}
        if broken:
            expected = f"a line that can be read for {broken[0]} (quotes that are closed, for one)"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        expected = f"a readable text file ({reason})"
    if expected:
        problems.append(
            SettingProblem(
                name=str(path), source="the working folder", shown=None, expected=expected
            )
        )
        return {}
    return given


def _setting_in(line: str) -> str | None:
    """The setting that a line begins with, though it cannot be read."""
    word = re.match(r"\s*(?:export\s+)?'?(\w+)", line)
    return word[1] if word and word[1].upper() in names().values() else None


def toml_file(path: Path | None, problems: list[SettingProblem]) -> Mapping[str, Any]:
    """What the file says; nothing for None, or a new one of `problems`."""
    if path is None:
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if expected := _flaw(path, content):
            problems.append(_file_problem(path, expected))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        problems.append(_file_problem(path, f"a readable TOML file ({reason})"))
        return {}
    return content


def _file_problem(path: Path, expected: str) -> SettingProblem:
    usual = path == default_config_file()
    source = "the usual place" if usual else "a flag"
    return SettingProblem(name="--config", source=source, shown=str(path), expected=expected)


def _holds_a_secret(content: Mapping[str, Any]) -> bool:
    given = {name.upper(): value for name, value in content.items()}
    secret = given.get("TESTIO_CUSTOMER_API_TOKEN") or given.get("TESTIO_NOTIFY_WEBHOOK_URL")
    return bool(secret) or "@" in str(given.get("TESTIO_PROXY_URL", ""))


def _flaw(path: Path, content: Mapping[str, Any]) -> str | None:
    """What the file would have to be to be trusted; None if it is that.

    Settings name a command that is run, and the host that the token is sent to.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return None  # a pipe, for one: nobody else reads what this process has read
    if status.st_uid not in (os.getuid(), 0):
        return "a file that belongs to you or to root, for its settings are trusted"
    mode = stat.S_IMODE(status.st_mode)
    if _holds_a_secret(content) and mode & ~rights_of_secret(status) & 0o077:
        return (
            "a file that only its owner can read, for it holds a secret; "
            f"mend it with: chmod 600 {path}"
        )
    if mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _has_own_group(status)):
        return f"a file that only its owner can write; mend it with: chmod go-w {path}"
    return None


def rights_of_secret(status: os.stat_result) -> int:
    """The rights that a file with a secret may have: what is ours is for us alone.

    What root has made for us, as a container mounts it, is as root wants it to be read (0444,
    or 0440 with a group of ours), and writable by nobody else. To root itself a file of root's
    looks like that where nobody is to write it.
    """
    is_mounted = status.st_uid == 0 and (os.getuid() != 0 or not status.st_mode & 0o222)
    return 0o755 if is_mounted else 0o700


def _has_own_group(status: os.stat_result) -> bool:
    """Whether the group is the owner's alone: where people have one, files are made so."""
    try:
        group, owner = grp.getgrgid(status.st_gid), pwd.getpwuid(status.st_uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}
