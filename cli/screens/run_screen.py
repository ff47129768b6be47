"""One run for people and as JSON: what was asked, a time line, failures with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.screens.runs_table import is_counted
from cli.screens.screen import coloured, drawn, duration_text, harmless, make_console, make_table
from rules.diagnosis.catalogue import ENDED_EARLY, entry_of
from rules.model import ErrorKind, RunStatus, SyncPhase
from rules.run.timeline import PhaseStretch, Stretch, bar, timeline
from rules.text.nearest import enumerated
from rules.text.wording import counted
from storage.engine.readonly import Row

PRODUCTS_SHOWN = 5
FAILURES_SHOWN = 8
BAR_WIDTHS = (10, 50)
TRIGGERS = {
    "startup": "by the daemon's start",
    "schedule": "by the daemon's schedule",
    "cli": "from the command line",
    "api": "by a request on the control socket",
}
FOLLOWS = "not asked, because the product list could not be read"
ROWS = ("new", "changed", "unchanged", "revived", "gone", "quarantined")


def run_document(
    run: Row,
    events: Sequence[Row],
    names: Mapping[int, str | None],
    *,
    at_work: bool,
    now: datetime,
) -> dict[str, Any]:
    """All that is known of a run. `now` is the end of one at work; a killed one ended before."""
    started = datetime.fromisoformat(run["started_at"])
    end = now if at_work else _last_sign(run, events)
    return {
        "run": run | {"at_work": at_work},
        "elapsed_seconds": max(0.0, (end - started) / timedelta(seconds=1)),
        "phases": [asdict(phase) for phase in timeline(started, events, end)],
        "failures": _failures(run["errors"] or _errors(events), names),
        "product_names": {
            str(event["product_id"]): names.get(event["product_id"])
            for event in events
            if event["product_id"]
        },
        "has_events": bool(events),
    }


def _last_sign(run: Row, events: Sequence[Row]) -> datetime:
    """When a run ended, or was last heard of."""
    if run["duration_seconds"] is not None:
        return datetime.fromisoformat(run["started_at"]) + timedelta(
            seconds=run["duration_seconds"]
        )
    return datetime.fromisoformat(max([run["started_at"], *(event["at"] for event in events)]))


def _errors(events: Sequence[Row]) -> list[dict[str, Any]]:
    """The failures so far; the row of a run has them only when it has ended by itself."""
    return [
        {
            "kind": event["error_kind"],
            "message": event["error"],
            "phase": event["phase"],
            "product_id": event["product_id"],
        }
        for event in events
        if event["error_kind"]
    ]


def _failures(
    errors: Sequence[Mapping[str, Any]], names: Mapping[int, str | None]
) -> list[dict[str, Any]]:
    """Each with what to do; what follows from the product list's failure has nothing of its own."""
    list_failed = any(error["phase"] == SyncPhase.PRODUCTS for error in errors)
    follows = {ErrorKind.NEVER_LISTED.value} if list_failed else set()
    return [_failure(error, names, follows=error["kind"] in follows) for error in errors]


def _failure(
    error: Mapping[str, Any], names: Mapping[int, str | None], *, follows: bool
) -> dict[str, Any]:
    entry = entry_of(error["kind"])
    if follows:
        entry = replace(entry, cause=FOLLOWS, action="") if entry else None
    return {
        **error,
        "product_name": names.get(error["product_id"] or 0),
        "cause": None if entry is None else entry.cause,
        "action": None if entry is None else entry.action_with(),
    }


def show_run(document: dict[str, Any], *, every_product: bool) -> None:
    """The screen of one run."""
    console = make_console()
    run = document["run"]
    _show_head(console, document)
    if not document["has_events"]:
        console.print("no time line: its events are older than TESTIO_EVENTS_RETENTION_DAYS")
    else:
        _show_timeline(console, document, every_product=every_product)
    _show_failures(console, document["failures"], every_product=every_product)
    for warning in run["warnings"] or []:
        console.print(Text(f"warning: {harmless(warning)}", style="yellow"), soft_wrap=True)


def _show_head(console: Console, document: dict[str, Any]) -> None:
    run = document["run"]
    console.print(Text.assemble(f"run {run['id']}     ", _state(run)))
    took = duration_text(document["elapsed_seconds"], precise=True)
    word = "so far" if run["at_work"] else "took"
    console.print(f"began     {run['started_at'][:19].replace('T', ' ')} UTC, {word} {took}")
    console.print(f"asked     {TRIGGERS.get(run['trigger_source'], run['trigger_source'])}")
    console.print(f"scope     {_scope(run)}", soft_wrap=True)
    if options := _options(run["options"]):
        console.print(f"options   {options}", soft_wrap=True)
    if is_counted(run):
        console.print(f"came to   {_came_to(run)}", soft_wrap=True)
    entry = ENDED_EARLY.get(RunStatus.INTERRUPTED if _is_killed(run) else run["status"])
    if entry is not None:
        console.print(f"why       {entry.cause}\nnext      {entry.action}", soft_wrap=True)


def _is_killed(run: Row) -> bool:
    return run["status"] == RunStatus.RUNNING and not run["at_work"]


def _state(run: Row) -> Text:
    if run["at_work"]:
        return Text("at work", style="cyan")
    return Text("killed", style="red") if _is_killed(run) else coloured(run["status"])


def _scope(run: Row) -> str:
    products = (run["scope"] or {}).get("product_ids")
    if products is None:
        return f"{enumerated(run['phases'])} of all products"
    word = "product" if len(products) == 1 else "products"
    return f"{enumerated(run['phases'])} of {word} {', '.join(map(str, products))}"


def _options(options: Mapping[str, Any]) -> str:
    """What was asked for beside the usual."""
    usual = ("reconcile_seconds",)
    given = {name: value for name, value in options.items() if value and name not in usual}
    return ", ".join(
        name if value is True else f"{name} {str(value)[:16].replace('T', ' ')}"
        for name, value in given.items()
    )


def _came_to(run: Row) -> str:
    products = counted(run["products_synced"] + run["products_failed"], "product")
    rows = [f"{run[f'rows_{word}']:,} {word}" for word in ROWS if run[f"rows_{word}"]]
    return f"{run['products_synced']} of {products} complete; rows: {', '.join(rows) or 'none'}"


def _show_timeline(console: Console, document: dict[str, Any], *, every_product: bool) -> None:
    names, whole = document["product_names"], document["elapsed_seconds"]
    width, block = _bar_width(console), drawn(console, "█", "#")
    table = make_table("", "", ">start", ">seconds", "", drop=("start",), wrap=False)
    for entry in document["phases"]:
        phase = PhaseStretch(**entry | {"products": tuple(Stretch(**p) for p in entry["products"])})
        name = Text(f"{phase.phase}{_not_complete(phase)}", style="bold")
        table.add_row(name, *_cells(phase, whole, width, block))
        shown = phase.products if every_product else phase.products[:PRODUCTS_SHOWN]
        for product in shown:
            label = _product(product.product_id, names) + _not_complete(product)
            table.add_row(f"  {label}", *_cells(product, whole, width, block))
        left = len(phase.products) - len(shown)
        if left:
            table.add_row(Text(f"  and {left} more", style="dim"), "", "", "")
    console.print("", table, sep="\n")


def _bar_width(console: Console) -> int:
    narrowest, widest = BAR_WIDTHS
    return max(narrowest, min(widest, console.width - 55))


def _not_complete(stretch: Stretch) -> str:
    if stretch.outcome is None:
        return ", not ended"
    return "" if stretch.outcome == "complete" else f", {stretch.outcome}"


def _cells(stretch: Stretch, whole: float, width: int, block: str) -> tuple[str, str, Text]:
    shown = bar(stretch, whole, width, block)
    drawn_bar = Text(shown, style=coloured(stretch.outcome or "running").style)
    return f"{stretch.offset_seconds:.2f}", f"{stretch.duration_seconds:.2f}", drawn_bar


def _product(product_id: int | None, names: Mapping[str, str | None]) -> str:
    if not product_id:
        return "the product list"
    return f"{product_id} {harmless(names.get(str(product_id)))[:40]}".strip()


def _show_failures(
    console: Console, failures: Sequence[dict[str, Any]], *, every_product: bool
) -> None:
    """Each type of failure once, with whom it met, why, and what to do."""
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for failure in failures:
        by_kind.setdefault(failure["kind"], []).append(failure)
    for kind, alike in by_kind.items():
        first = alike[0]
        console.print(Text(f"\n{kind}: {first['cause'] or 'not known here'}", style="red"))
        shown = alike if every_product else alike[:FAILURES_SHOWN]
        for failure in shown:
            place = _product(
                failure["product_id"], {str(failure["product_id"]): failure["product_name"]}
            )
            phase = f", {failure['phase']}" if failure["phase"] else ""
            console.print(f"  {place}{phase}: {harmless(failure['message'])}", soft_wrap=True)
        if len(shown) < len(alike):
            console.print(f"  and {len(alike) - len(shown)} more")
        if first["action"]:
            arrow = drawn(console, "→", "->")
            console.print(Text(f"  {arrow} {first['action']}", style="bold"), soft_wrap=True)
