"""Show the daemon, the run at work, the last runs, how fresh everything is, and what is wrong."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeGuard

from cli.common import add_settings_flags, control_of, print_json, settings_of
from cli.screens.status_screen import show_status
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import StatusReply
from rules.diagnosis.attention import Concern, ListingState, concerns, trouble_of
from storage.engine import readonly
from storage.engine.place import is_missing
from storage.engine.readonly import Row
from storage.engine.writer_lock import lock_path, present_holder
from storage.reads import decision_queries, queries

EXAMPLES = """\
  testio-sync status
  testio-sync status --all
  testio-sync status --json | jq '.freshness[] | select(.complete_as_of == null)'
"""

RUNS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync status`."""
    parser.add_argument("--all", action="store_true", help="show every product's freshness")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Ask the daemon, if one runs, and read the rest from the database."""
    settings = settings_of(arguments)
    live, why_not = _ask_daemon(settings)
    document = _document(settings, live) | {"no_answer": why_not}
    if arguments.json:
        print_json(document)
    else:
        show_status(document, every_product=arguments.all)
    return 0


def _ask_daemon(settings: Settings) -> tuple[StatusReply | None, str | None]:
    """What it says; or why it cannot, if it says that."""
    try:
        return control_of(settings, timeout=2.0).status(), None
    except NoDaemon:
        return None, None
    except ControlError as error:
        return None, str(error)


def _document(settings: Settings, live: StatusReply | None) -> dict[str, Any]:
    stored, writer = _stored(settings), _writer(settings)
    reply = {} if live is None else live.model_dump(mode="json")
    return {
        "daemon": reply.get("daemon"),
        "writer": writer,
        "trouble": reply.get("trouble"),
        "missing": reply.get("missing") or {},
        "current_run": reply.get("current_run"),
        "queued_run_id": reply.get("queued_run_id"),
        "interval_seconds": reply.get("interval_seconds"),
        "paused": reply.get("paused"),
        "paused_until": reply.get("paused_until"),
        "choices": reply.get("choices"),
        "next_run_at": reply.get("next_run_at"),
        "database": str(settings.db_path),
        "at": datetime.now(UTC).isoformat(),
        **stored,
        "attention": [asdict(concern) for concern in _concerns(stored, writer, reply)],
    }


def _writer(settings: Settings) -> dict[str, Any] | None:
    """Who writes to the database now: a daemon, answering or not, or a one-shot sync."""
    holder = present_holder(lock_path(settings.db_path))
    if holder is None:
        return None
    return {"pid": holder.pid, "role": holder.role, "host": holder.host, "since": holder.started_at}


def _stored(settings: Settings) -> dict[str, list[Row]]:
    """What the database tells; nothing where there is none yet."""
    if is_missing(settings.db_path):
        return {"runs": [], "freshness": [], "problems": [], "held_deletions": []}
    with readonly.open_readonly(settings.db_path) as connection:
        rows = [row | {"stale": _is_stale(row, settings)} for row in queries.freshness(connection)]
        return {
            "runs": queries.last_runs(connection, RUNS),
            "freshness": sorted(rows, key=lambda row: trouble_of(_place(row))),
            "problems": queries.problems(connection),
            "held_deletions": decision_queries.held_sets(connection),
        }


def _concerns(
    stored: dict[str, list[Row]], writer: dict[str, Any] | None, reply: dict[str, Any]
) -> list[Concern]:
    newest = stored["runs"][0] if stored["runs"] else None
    is_killed = newest is not None and newest["status"] == "running" and writer is None
    return concerns(
        [_place(row) for row in stored["freshness"]] if stored["runs"] else [],
        held_sets=len(stored["held_deletions"]),
        cannot_write=reply.get("trouble"),
        killed_run=newest["id"] if newest is not None and is_killed else None,
        silent_daemon=writer["pid"] if not reply and _is_daemon(writer) else None,
    )


def _is_daemon(writer: dict[str, Any] | None) -> TypeGuard[dict[str, Any]]:
    return writer is not None and writer["role"] == "daemon"


def _place(row: Row) -> ListingState:
    return ListingState(
        product_id=row["product_id"],
        kind=row["kind"],
        error=row["last_error"],
        since=row["failing_since"],
        is_failing=row["failing_since"] is not None,
        is_known=row["complete_as_of"] is not None,
        is_stale=row["stale"],
        holes=row["holes"],
    )


def _is_stale(row: Row, settings: Settings) -> bool:
    """Older than CACHE_TTL_SECONDS, or never fetched."""
    age = row["age_seconds"]
    return age is None or age > settings.cache_ttl_seconds
