"""Holds lines of the log against `config.log_events`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from config.log_events import ALWAYS, EVENTS, FIELDS, OFTEN

TYPES: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "texts": (list,),
    "object": (dict,),
    "objects": (list,),
    "text or number": (str, int, float),
}

OURS = ("actors", "service", "control", "storage", "testio", "config", "sync", "daemon", "watchdog")
"""How the names of our loggers begin; libraries say what they like."""


def flaws_of(line: Mapping[str, Any]) -> list[str]:
    """What is not as it was declared, of one line as an object."""
    event = EVENTS.get(line["event"])
    if event is None:
        return [f"{line['event']} is no event that is declared"]
    found = []
    if line["level"] not in event.level.split(", "):
        found.append(f"{line['event']} is {line['level']}, not {event.level}")
    for name, value in line.items():
        if name in ALWAYS | OFTEN:
            continue
        if name not in event.names:
            found.append(f"{line['event']} has the field {name}")
        elif value is not None and not isinstance(value, TYPES[FIELDS[name].type]):
            found.append(f"{name} of {line['event']} is no {FIELDS[name].type}: {value!r}")
    return found


def undeclared(text: str) -> list[str]:
    """The same of all lines of a log that are objects."""
    return [flaw for line in _objects(text.splitlines()) for flaw in flaws_of(line)]


def _objects(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and str(found.get("logger")).startswith(OURS):
            yield found
