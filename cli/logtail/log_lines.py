"""Lines of the log: which are wanted, and how they look to a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from cli.screens.screen import harmless

LEVELS = ("debug", "info", "warning", "error", "critical")
LEVEL_STYLES = {
    "debug": "dim",
    "info": "green",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
PLACES = (("run_id", "run {}"), ("phase", "{}"), ("product_id", "product {}"))
TOLD = {"at", "level", "event", "logger", "run_id", "phase", "product_id", "exception", "stack"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines are wanted; None means all.

    What is no JSON (a crash's last words, a log for people) has no run and no product; it stays
    where only a level is asked for, since nothing tells that it is unimportant.
    """

    level: str | None = None
    run_id: int | None = None
    product_id: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether every line is wanted."""
        return self == LogFilter()

    def __call__(self, line: str) -> bool:
        """Whether this line is wanted."""
        if self.is_open:
            return True
        entry = parsed(line)
        if entry is None:
            return self.run_id is None and self.product_id is None
        return (
            (self.level is None or _rank(entry.get("level")) >= _rank(self.level))
            and (self.run_id is None or entry.get("run_id") == self.run_id)
            and (self.product_id is None or entry.get("product_id") == self.product_id)
        )


def _rank(level: object) -> int:
    """How important a level is; one that is not known counts as the most important."""
    return LEVELS.index(level) if isinstance(level, str) and level in LEVELS else len(LEVELS)


def parsed(line: str) -> dict[str, Any] | None:
    """The entry of a line; None for what is no JSON object."""
    if not line.startswith("{"):
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def as_json(line: str) -> str:
    """The line itself if it is an entry; else one with the text as its event."""
    return line if parsed(line) is not None else json.dumps({"event": line})


def pretty(line: str) -> Text:
    """The line for people, the most important first; other text as it is, made harmless."""
    entry = parsed(line)
    if entry is None:
        return Text(harmless(line))
    level = str(entry.get("level", ""))
    text = Text.assemble(
        (harmless(entry.get("at", ""))[:23].replace("T", " "), "dim"),
        "  ",
        (f"{harmless(level):<8}", LEVEL_STYLES.get(level, "")),
        (harmless(entry.get("event", "")), "bold"),
    )
    place = " ".join(words.format(entry[key]) for key, words in PLACES if entry.get(key))
    if place:
        text.append(f"  {harmless(place)}", "cyan")
    for key, value in entry.items():
        if key not in TOLD:
            text.append(f"  {harmless(key)}=", "dim").append(harmless(_shown(value)))
    for key in ("stack", "exception"):
        for part in str(entry.get(key) or "").splitlines():
            text.append(f"\n    {harmless(part)}", "dim")
    return text


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
