"""The screen of `watch`, drawn from one value: a list of lines for a width and a height. Pure."""

from __future__ import annotations

from rich.text import Text

from cli.live.look import Look, both_ends
from cli.live.watch_run import run_lines
from cli.live.watch_sections import Section, attention, last_runs, remote_line, workers
from cli.live.watch_state import Snapshot
from cli.screens.screen import duration_text, harmless
from cli.screens.table import cropped

HELP = (
    "s   sync now: starts a run; joins the one at work if that has not begun,",
    "    else waits for its end",
    "p   pause periodic runs, or resume them",
    "c   cancel the run at work, after a question",
    "?   this page, and back",
    "q   leave; the daemon goes on",
    "",
    "Times are in UTC. What is left of a phase is reckoned from the last runs",
    "like this one and from its pace; a first run shows it once a product is done.",
)
KEYS = (("s", "sync now"), ("p", "pause"), ("c", "cancel"), ("q", "quit"), ("?", "help"))
ROOMY = 22


def draw(
    snapshot: Snapshot, look: Look, *, message: str = "", show_help: bool = False
) -> list[Text]:
    """Exactly `height` lines, none wider than `width`. `message` takes the place of the keys."""
    top = [*_head(snapshot, look), *run_lines(snapshot, look), *_remote(snapshot, look)]
    room = look.height - len(top) - 1
    body = _help() if show_help else _body(snapshot, look, room)
    lines = (top + body[: max(0, room)])[: max(0, look.height - 1)]
    lines += [Text()] * (look.height - 1 - len(lines))
    return [_cut(line, look) for line in [*lines, _foot(snapshot, look, message)]]


def _help() -> list[Text]:
    return [Text(), *(Text(line) for line in HELP)]


def _cut(line: Text, look: Look) -> Text:
    cut = line.copy()
    cut.truncate(look.width)
    return cut


# -- the head --------------------------------------------------------------------------------


def _head(snapshot: Snapshot, look: Look) -> list[Text]:
    clock = f"{snapshot.at:%H:%M:%S} UTC"
    live = snapshot.live
    if live is None:
        left = Text.assemble(("testio-sync  ", "bold"), (_absent(snapshot), "yellow"))
    else:
        up = duration_text((snapshot.at - live.daemon.started_at).total_seconds())
        left = Text.assemble(
            ("testio-sync", "bold"), f"  {live.daemon.version}, pid {live.daemon.pid}, up {up}"
        )
    return [both_ends(left, Text(clock, "dim"), look)]


def _absent(snapshot: Snapshot) -> str:
    return "a sync is at work, without a daemon" if snapshot.run else "no daemon answers"


# -- the rest --------------------------------------------------------------------------------


def _remote(snapshot: Snapshot, look: Look) -> list[Text]:
    if snapshot.live is None:
        return []
    return [remote_line(snapshot, snapshot.live.remote, look.width)]


def _body(snapshot: Snapshot, look: Look, room: int) -> list[Text]:
    """The sections, each with as many rows as there is room for."""
    sections = [workers(snapshot), attention(snapshot, look), last_runs(snapshot)]
    sections = [section for section in sections if section.rows]
    gap = 1 if look.height >= ROOMY else 0
    lines: list[Text] = []
    for section, rows in zip(sections, share_out(sections, room, gap), strict=True):
        if rows:
            lines += [Text()] * gap
            lines += section.lines(look.width, look.more, rows)
    return lines


def share_out(sections: list[Section], room: int, gap: int) -> list[int]:
    """How many rows each section shows: the least of each, then what each wants, in order; then
    one by one.
    """
    rows = [0] * len(sections)
    goals = [section.least for section in sections], [section.wanted for section in sections]
    for place, goal in (pair for stage in goals for pair in enumerate(stage)):
        titles = 0 if rows[place] else gap + 1
        grown = min(min(goal, sections[place].rows) - rows[place], room - titles)
        if grown > 0:
            rows[place] += grown
            room -= grown + titles
    while room > 0:
        growing = [n for n, section in enumerate(sections) if 0 < rows[n] < section.rows]
        if not growing:
            break
        for place in growing[:room]:
            rows[place] += 1
        room -= len(growing[:room])
    return rows


def _foot(snapshot: Snapshot, look: Look, message: str) -> Text:
    if message:
        return cropped(Text(harmless(message), "bold yellow"), look.width, look.more)
    paused = snapshot.live is not None and snapshot.live.paused
    foot = Text()
    for key, what in KEYS:
        word = "resume" if key == "p" and paused else what
        foot.append(f"{key} ", "bold cyan").append(f"{word}   ", "dim")
    return foot
