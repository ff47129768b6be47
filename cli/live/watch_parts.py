"""The parts of the screen of `watch`: what the remote is asked, the workers, failures, runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from cli.live.watch_state import Snapshot
from cli.screens.screen import COLOURS, harmless
from cli.screens.text_table import READABLE, Column, make_lines
from control.views import RemoteView
from rules.model import BreakerState
from storage.engine.readonly import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table under a line of titles. `least`: rows that it gets before any other gets more;
    `wanted`: rows that it gets before what comes below it. `is_counted`: says how many rows there
    was no room for. `widest`: cells beyond which the eye would lose the line.
    """

    columns: Sequence[Column]
    least: int
    wanted: int
    is_counted: bool = True
    widest: int = 1000

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.columns[0].cells)

    def lines(self, width: int, more: str, room: int) -> list[Text]:
        """The titles, then a line a row, `room` of them at most."""
        lines = make_lines(self.columns, min(width, self.widest), more=more)
        if self.is_counted and 1 < room < self.rows:
            left = self.rows - room + 1
            return [*lines[:room], Text(f"and {left} more", "dim")]
        return lines[: room + 1]


def remote_line(snapshot: Snapshot, remote: RemoteView, width: int) -> Text:
    """How fast the remote is asked, and what holds requests back; as much as there is room for."""
    line = Text.assemble(("remote     ", "dim"), *_held_back(remote))
    words = [_rate(snapshot.requests_per_second, "requests/s")]
    if snapshot.run is not None:
        words.append(_rate(snapshot.rows_per_second, "rows/s"))
    words.append(f"{remote.in_flight} of {remote.connections} in flight")
    words += ["breaker closed"] if remote.breaker is BreakerState.CLOSED else []
    words += [f"limit {remote.requests_per_second}/s"] if remote.requests_per_second else []
    words += [f"{remote.retries} retries"] if remote.retries else []
    for place, word in enumerate(words):
        part = f", {word}" if place else word
        if line.cell_len + len(part) <= width:
            line.append(part)
    return line


def _held_back(remote: RemoteView) -> list[tuple[str, str]]:
    """Why nothing is sent just now, if that is so."""
    parts = []
    if remote.breaker is BreakerState.OPEN:
        why = f" ({harmless(remote.last_failure)})" if remote.last_failure else ""
        parts.append((f"breaker open since {remote.open_seconds:.0f} s ago{why}, ", "bold red"))
    if remote.parked_seconds > 0:
        parts.append((f"parked for {remote.parked_seconds:.0f} s, ", "yellow"))
    return parts


def _rate(value: float | None, unit: str) -> str:
    if value is None:
        return f"- {unit}"
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


def workers(snapshot: Snapshot) -> Section:
    """The products in the workers' hands."""
    busy = [] if snapshot.live is None else snapshot.live.workers
    return Section(
        least=4,
        wanted=len(busy),
        widest=READABLE,
        columns=[
            Column(title="worker", cells=[worker.role for worker in busy], keep=1),
            Column(
                title="product",
                cells=[_product(snapshot, worker.product_id) for worker in busy],
                flexible=True,
            ),
            Column(title="phase", cells=[worker.phase.value for worker in busy], keep=3),
            Column(title="pages", cells=[f"{w.pages}" for w in busy], right=True, keep=2),
            Column(title="rows", cells=[f"{w.rows}" for w in busy], right=True, keep=4),
            Column(title="seconds", cells=[f"{w.seconds:.1f}" for w in busy], right=True),
        ],
    )


def failures(snapshot: Snapshot) -> Section:
    """What fails, newest first."""
    rows = snapshot.stored.failures
    return Section(
        least=2,
        wanted=3,
        columns=[
            Column(title="failed", cells=[_moment(row["at"], snapshot) for row in rows], keep=2),
            Column(title="run", cells=[str(row["run_id"] or "") for row in rows], keep=1),
            Column(
                title="what",
                cells=[_failure(snapshot, row) for row in rows],
                styles=["red"] * len(rows),
                flexible=True,
            ),
        ],
    )


def _moment(at: str, snapshot: Snapshot) -> str:
    """The time of today; of earlier days the date and the minute."""
    is_today = at[:10] == f"{snapshot.at:%Y-%m-%d}"
    return at[11:19] if is_today else at[5:16].replace("T", " ")


def _failure(snapshot: Snapshot, row: Row) -> str:
    place = [] if row["product_id"] is None else [_product(snapshot, row["product_id"])]
    place += [row["phase"]] if row["phase"] else []
    place += [] if place else [row["event"]]
    kind = f"{row['error_kind']}: " if row["error_kind"] else ""
    return f"{', '.join(place)}: {harmless(kind + (row['error'] or ''))}"


def _product(snapshot: Snapshot, product_id: int) -> str:
    if product_id == 0:
        return "the product list"
    return f"{product_id} {harmless(snapshot.stored.names.get(product_id, ''))}".rstrip()


def last_runs(snapshot: Snapshot) -> Section:
    """The runs that have ended, newest first."""
    current = None if snapshot.run is None else snapshot.run.run_id
    rows = [row for row in snapshot.stored.runs if row["id"] != current]
    states = [_status(snapshot, row) for row in rows]
    return Section(
        least=0,
        wanted=2,
        is_counted=False,
        columns=[
            Column(title="run", cells=[str(row["id"]) for row in rows], right=True),
            Column(
                title="status",
                cells=states,
                styles=[COLOURS.get(state, "red") for state in states],
            ),
            Column(title="by", cells=[row["trigger_source"] for row in rows], keep=1),
            Column(title="started", cells=[_minute(row["started_at"]) for row in rows], keep=2),
            Column(
                title="seconds",
                cells=[_seconds(row["duration_seconds"]) for row in rows],
                right=True,
                keep=6,
            ),
            Column(title="products", cells=[_products(row) for row in rows], right=True, keep=5),
            Column(
                title="new",
                cells=[str(row["tests_discovered"]) for row in rows],
                right=True,
                keep=4,
            ),
            Column(
                title="changed",
                cells=[str(row["tests_updated"]) for row in rows],
                right=True,
                keep=3,
            ),
        ],
    )


def _status(snapshot: Snapshot, row: Row) -> str:
    """A run that stands as running without anybody at work on it was killed."""
    if row["status"] == "running" and snapshot.live is None and snapshot.run is None:
        return "killed"
    return str(row["status"])


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _products(row: Row) -> str:
    return f"{row['products_synced']} of {row['products_synced'] + row['products_failed']}"
