"""The parts of the screen of `watch`: what the remote is asked, the workers, failures, runs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from cli.live.look import READABLE, Look
from cli.live.watch_state import Snapshot
from cli.screens.runs_table import runs_table
from cli.screens.screen import harmless
from cli.screens.table import PlainTable
from control.views import WorkerView
from rules.diagnosis.findings import Severity
from rules.model import BreakerState
from rules.run.remote_state import RemoteState


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under a line of titles. `least`: rows that it gets before any other gets more;
    `wanted`: rows that it gets before what comes below it. `is_counted`: says how many rows there
    was no room for. `widest`: cells beyond which the eye would lose the line. `each`: rows that
    belong together. `all_of_them`: the command that shows the rest.
    """

    table: PlainTable
    least: int
    wanted: int
    is_counted: bool = True
    widest: int = 1000
    each: int = 1
    all_of_them: str = ""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.table.row_count

    def lines(self, width: int, more: str, room: int) -> list[Text]:
        """The titles, then a line a row, `room` of them at most."""
        lines = self.table.lines(min(width, self.widest), more=more)
        if self.is_counted and 1 < room < self.rows:
            shown = max(self.each, (room - 1) // self.each * self.each)
            if shown == room:
                return lines[: room + 1]
            left = (self.rows - shown) // self.each
            return [*lines[: shown + 1], Text(f"and {left} more{self.all_of_them}", "dim")]
        return lines[: room + 1]


def remote_line(snapshot: Snapshot, remote: RemoteState, width: int) -> Text:
    """How fast the remote is asked, and what holds requests back; as much as there is room for."""
    line = Text.assemble(("remote     ", "dim"), *_held_back(remote))
    words = [_rate(snapshot.requests_per_second, "requests/s")]
    if snapshot.run is not None:
        words.append(_rate(snapshot.rows_per_second, "rows/s"))
    words.append(f"{remote.in_flight} of {remote.connections} in flight")
    words += [f"limit {remote.requests_per_second}/s"] if remote.requests_per_second else []
    words += [f"{remote.retries} retries"] if remote.retries else []
    for place, word in enumerate(words):
        part = f", {word}" if place else word
        if line.cell_len + len(part) <= width:
            line.append(part)
    return line


def _held_back(remote: RemoteState) -> list[tuple[str, str]]:
    """Why nothing is sent just now, if that is so."""
    parts = []
    if remote.breaker is BreakerState.OPEN:
        why = f": {harmless(remote.last_failure)}" if remote.last_failure else ""
        held = f"requests held back for {remote.open_seconds:.0f} s, all of it fails{why}, "
        parts.append((held, "bold red"))
    if remote.parked_seconds > 0:
        parts.append((f"asked us to wait {remote.parked_seconds:.0f} s more, ", "yellow"))
    return parts


def _rate(value: float | None, unit: str) -> str:
    if value is None:
        return f"- {unit}"
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def workers(snapshot: Snapshot) -> Section:
    """The products in the workers' hands."""
    busy = [] if snapshot.live is None else snapshot.live.workers
    table = PlainTable(
        *("", "worker", "*product", "phase", ">pages", ">rows", ">seconds", "tried again"),
        drop=("worker", "pages", "phase", "rows", "tried again", "product"),
    )
    for worker in busy:
        table.add_row(
            worker.role,
            _product(snapshot, worker.product_id),
            worker.phase.value,
            f"{worker.pages}",
            f"{worker.rows}",
            f"{worker.seconds:.1f}",
            Text(_tried_again(worker), "yellow"),
        )
    return Section(table=table, least=4, wanted=len(busy), widest=READABLE)


def _tried_again(worker: WorkerView) -> str:
    """How often, and why the last time."""
    if not worker.retries:
        return ""
    return f"{worker.retries} x: {harmless(worker.last_failure)}"


def attention(snapshot: Snapshot, look: Look) -> Section:
    """What needs somebody, the most urgent first, each with what to do."""
    table = PlainTable("", "*needs attention")
    arrow = "->" if look.ascii_only else "→"
    for finding in snapshot.wrong:
        style = "red" if finding.severity is Severity.ERROR else "yellow"
        table.add_row(Text(harmless(finding.said(snapshot.at)), style))
        table.add_row(Text(f"  {arrow} {harmless(finding.action)}"))
    return Section(table=table, least=3, wanted=5, each=2, all_of_them=": testio-sync status")


def _product(snapshot: Snapshot, product_id: int) -> str:
    if product_id == 0:
        return "the product list"
    return f"{product_id} {harmless(snapshot.stored.names.get(product_id, ''))}".rstrip()


def last_runs(snapshot: Snapshot) -> Section:
    """The runs that have ended, newest first."""
    current = None if snapshot.run is None else snapshot.run.run_id
    table = runs_table(
        [row for row in snapshot.stored.runs if row["id"] != current],
        is_written=snapshot.live is not None or snapshot.run is not None,
        title="",
        drop=("by", "started", "changed", "new", "products", "seconds", "run"),
    )
    return Section(table=table, least=0, wanted=2, is_counted=False)
