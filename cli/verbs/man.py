"""Print the manual page, made from the same parsers as --help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Any

EXAMPLES = """\
  testio-sync man | man -l -
  testio-sync man > ~/.local/share/man/man1/testio-sync.1
"""

COMMON = ("settings", "logging")
"""Groups of flags that most verbs share; they are described once."""

HEAD = """\
.TH TESTIO\\-SYNC 1 "" "testio\\-sync" "User Commands"
.nh
.ad l
.SH NAME
testio\\-sync \\- mirror a Test IO account into a local SQLite database
.SH SYNOPSIS
.B testio\\-sync
.I VERB
.RI [ options ]
.br
.B testio\\-sync \\-\\-version
.SH DESCRIPTION
A daemon mirrors the products, features and exploratory tests of a Test IO account into a local
SQLite database, at start and every 15 minutes.
Every reader can tell in SQL how fresh each product is.
Begin with
.BR "testio\\-sync init" ,
or with
.B testio\\-sync demo
where there is no account.
"""
FILES = {
    "~/.config/testio-sync/config.toml": "The settings, unless --config names another file; "
    "in $XDG_CONFIG_HOME if that is set.",
    "~/.testio-sync/testio.db": "The mirror, unless TESTIO_DB_PATH says otherwise.",
    "<database>.lock": "The writer lock, and who holds it. Never delete it.",
    "<database>.control/socket": "The control socket, while a daemon runs.",
    "<database>.schema-NNNN.TIME.bak": "The database as it was before a newer version changed it.",
}


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """`testio-sync man` takes none."""


def main(_arguments: argparse.Namespace) -> int:
    """Print the page."""
    print(manual_page(), end="")
    return 0


def manual_page() -> str:
    """The page in roff, with the macros of man(7)."""
    from cli.main import VERBS
    from cli.parsers import full_parser, parsers_below

    parser = full_parser(VERBS)
    verbs = parsers_below(parser)
    lines = [HEAD.rstrip(), ".SH VERBS"]
    for verb, below in verbs.items():
        lines += _verb(verb, below)
    lines += [".SH COMMON OPTIONS", *_flags(_common_flags(verbs.values()))]
    lines += [".SH SETTINGS", _text(ORDER), *_settings()]
    lines += [".SH EXIT STATUS", *_statuses(), ".SH FILES"]
    for path, what in FILES.items():
        lines += [".TP", f".I {_text(path)}", _text(what)]
    return "\n".join(lines) + "\n"


ORDER = (
    "A setting comes from a flag, else the environment, else a .env file in the working folder, "
    "else the configuration file, else the default. Files may write the names in lower case."
)


def _verb(verb: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    from cli.parsers import parsers_below

    yield f".SS {_text(parser.prog.removeprefix('testio-sync '))}"
    for index, paragraph in enumerate((parser.description or "").strip().split("\n\n")):
        yield from ([".PP"] if index else [])
        yield from _paragraph(paragraph)
    yield from _flags(_own_flags(parser))
    for action, below in parsers_below(parser).items():
        yield from _verb(f"{verb} {action}", below)
    examples = (parser.epilog or "").removeprefix("examples:\n")
    if examples:
        yield from (".PP", "Examples:", ".PP", ".nf", ".RS 4")
        yield from (_text(line.removeprefix("  ")) for line in examples.rstrip().splitlines())
        yield from (".RE", ".fi")


def _paragraph(text: str) -> list[str]:
    """Filled lines; one that is indented is a list, and stays as it is."""
    if not text.startswith("  "):
        return [_text(" ".join(text.split()))]
    lines = [_text(line.removeprefix("  ")) for line in text.splitlines()]
    return [".nf", ".RS 4", *lines, ".RE", ".fi"]


def _own_flags(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    common = {id(action) for action in _common_flags([parser])}
    return [
        action
        for action in parser._actions
        if id(action) not in common
        and action.help is not argparse.SUPPRESS
        and not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
    ]


def _common_flags(parsers: Iterable[argparse.ArgumentParser]) -> list[argparse.Action]:
    found: dict[str, argparse.Action] = {}
    for parser in parsers:
        for group in parser._action_groups:
            for action in group._group_actions if group.title in COMMON else ():
                found.setdefault(action.option_strings[0], action)
    return list(found.values())


def _flags(actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        formatter = argparse.HelpFormatter("testio-sync")
        yield ".TP"
        yield f".B {_text(formatter._format_action_invocation(action))}"
        yield _text(formatter._expand_help(action) if action.help else "")


def _settings() -> Iterator[str]:
    from config.settings import Settings
    from config.wording import allowed_range

    for info in Settings.model_fields.values():
        name = str(info.validation_alias)
        limits = allowed_range(name)
        default = _default(name, info.default)
        yield ".TP"
        yield f".B {_text(name)}"
        yield _text(
            f"{info.description}{f' Range: {limits}.' if limits else ''}"
            f"{f' Default: {default}.' if default else ''}"
        )


def _default(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "TESTIO_DB_MODE":
        return f"{value:04o}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _statuses() -> Iterator[str]:
    from service.exit_status import MEANINGS

    for status, meaning in MEANINGS.items():
        yield from (".TP", f".B {int(status)}", _text(meaning))


def _text(text: str) -> str:
    """Text as roff takes it: hyphens that can be typed again, no line that looks like a macro."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped)
