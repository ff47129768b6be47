"""The run at work, as `watch` draws it: its title, and a bar a phase with what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from rich.text import Text

from cli.live.look import READABLE, Look, both_ends
from cli.live.watch_state import Snapshot
from cli.screens.remaining import left_text, phase_text
from cli.screens.screen import duration_text
from cli.screens.table import PlainTable
from rules.run.progress import PhaseProgress, RunProgress


def run_lines(snapshot: Snapshot, look: Look) -> list[Text]:
    run = snapshot.run
    if run is None and snapshot.live is None:
        return []
    if run is None:
        return [both_ends(Text("no run at work", "dim"), _next(snapshot), look)]
    return [
        both_ends(_title(snapshot, run), _next(snapshot), look),
        *_phases(snapshot, run, look),
    ]


def _title(snapshot: Snapshot, run: RunProgress) -> Text:
    words = [duration_text(run.elapsed_seconds)]
    left = left_text([snapshot.so_far(phase) for phase in run.phases])
    words += [left] if left and not run.cancelling else []
    if snapshot.live is not None and snapshot.live.queued_run_id is not None:
        words.append(f"run {snapshot.live.queued_run_id} waits")
    title = Text.assemble(
        (f"run {run.run_id}", "bold cyan"), f" by {run.trigger_source.value}, ", ", ".join(words)
    )
    return title.append("  cancelling", "yellow") if run.cancelling else title


def _next(snapshot: Snapshot) -> Text:
    live = snapshot.live
    if live is None:
        return Text()
    if live.paused:
        until = f" until {live.paused_until:%H:%M:%S}" if live.paused_until else ""
        return Text(f"paused{until}", "yellow")
    if live.next_run_at is None:
        return Text("no periodic runs", "dim")
    left = max(timedelta(0), live.next_run_at - snapshot.at).total_seconds()
    return Text(f"next run in {duration_text(left)}", "dim")


def _phases(snapshot: Snapshot, run: RunProgress, look: Look) -> list[Text]:
    table = PlainTable(
        "", "phase", "*bar", ">done", "left", "failed", drop=("left", "failed", "phase", "bar")
    )
    for phase in run.phases:
        so_far = snapshot.so_far(phase)
        table.add_row(
            phase.phase.value,
            _bar_of(phase, look),
            "-" if so_far.total is None else f"{so_far.done}/{so_far.total}",
            "done" if phase.finished else phase_text(so_far),
            Text(f"{phase.failed} not complete" if phase.failed else "", "red"),
        )
    return table.lines(min(look.width, READABLE), more=look.more)[1:]


def _bar_of(phase: PhaseProgress, look: Look) -> Callable[[int], Text]:
    share = 1.0 if phase.finished else (phase.complete + phase.failed) / (phase.total or 1)

    return lambda width: bar(share, width, failed=bool(phase.failed), ascii_only=look.ascii_only)


def bar(share: float, width: int, *, failed: bool = False, ascii_only: bool = False) -> Text:
    """A bar of so many cells, filled to its share (0 to 1), in steps of half a cell."""
    full, half, rest = ("#", "-", "-") if ascii_only else ("━", "╸", "─")
    halves = min(2 * width, int(2 * width * share))
    colour = "yellow" if failed else "green" if share >= 1 else "cyan"
    filled = full * (halves // 2) + (half if halves % 2 else "")
    return Text.assemble((filled, colour), (rest * (width - len(filled)), "bright_black"))
