"""Shows a run while it works: bars on a terminal, a line for each change elsewhere. On stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cli.screens.remaining import PhaseClock
from control.protocol import RunView
from rules.run.progress import RunProgress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from cli.screens.run_lines import RunLine


class Progress(Protocol):
    """Where progress is shown."""

    def note(self, line: str) -> None:
        """Something worth a line."""

    def update(self, run: RunProgress, *, is_told: bool = False) -> None:
        """The run at work, as it is now. `is_told`: its lines are given to `tell`."""

    def tell(self, lines: Sequence[RunLine]) -> None:
        """What has become of a run that another process works on."""

    def finish(self, run: RunView) -> None:
        """The run has ended; its last steps may never have been seen at work."""


@contextmanager
def make_progress(database: Path) -> Iterator[Progress]:
    """Bars if stderr is a terminal, else plain lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    bars = RichProgress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="dim"),
        TextColumn("{task.fields[failed]}", style="red"),
        console=Console(stderr=True),
    )
    with bars:
        yield _Bars(bars, PhaseClock(database))


class _Lines:
    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def note(self, line: str) -> None:
        print(line, file=sys.stderr)

    def update(self, run: RunProgress, *, is_told: bool = False) -> None:
        for phase in run.phases:
            if phase.total is None or is_told:
                continue
            failed = f", {phase.failed} not complete" if phase.failed else ""
            state = "done" if phase.finished else "begun"
            line = f"{phase.phase.value}: {state}, {phase.total} to do{failed}"
            if phase.finished:
                line = f"{phase.phase.value}: done, {phase.complete} of {phase.total}{failed}"
            elif phase.phase.value in self._shown:
                continue
            if self._shown.get(phase.phase.value) != line:
                self._shown[phase.phase.value] = line
                print(line, file=sys.stderr)

    def tell(self, lines: Sequence[RunLine]) -> None:
        for line in lines:
            self.note(line.text)
            if not line.is_failure:
                self._shown[line.phase] = line.text

    def finish(self, run: RunView) -> None:
        for phase in run.phases_completed:
            if ": done" not in self._shown.get(phase.value, ""):
                print(f"{phase.value}: done", file=sys.stderr)


class _Bars:
    def __init__(self, bars: RichProgress, clock: PhaseClock) -> None:
        self._bars = bars
        self._clock = clock
        self._tasks: dict[str, TaskID] = {}

    def note(self, line: str) -> None:
        self._bars.console.print(line, markup=False, highlight=False)

    def tell(self, lines: Sequence[RunLine]) -> None:
        for line in lines:
            if line.is_failure:
                self.note(line.text)

    def update(self, run: RunProgress, *, is_told: bool = False) -> None:  # noqa: ARG002
        for phase in run.phases:
            task = self._task(phase.phase.value)
            left = self._clock.left(run.run_id, phase)
            self._bars.update(task, left="" if run.cancelling else left)
            if phase.total is None:
                continue
            self._bars.start_task(task)
            self._bars.update(
                task,
                total=max(phase.total, 1),
                completed=max(phase.total, 1) if phase.finished else phase.complete + phase.failed,
                failed=f"{phase.failed} not complete" if phase.failed else "",
            )

    def _task(self, name: str) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(
                name, total=None, start=False, left="", failed=""
            )
        return self._tasks[name]

    def finish(self, run: RunView) -> None:
        for phase in run.phases_completed:
            if phase.value in self._tasks:
                task = self._tasks[phase.value]
                total = self._bars.tasks[task].total or 1
                self._bars.start_task(task)  # it may have been over before it was seen
                self._bars.update(task, total=total, completed=total, left="")
