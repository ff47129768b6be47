"""Show the daemon, the run at work, the last runs, how fresh everything is, and what is wrong."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from cli.common import add_settings_flags, control_of, print_json, settings_of
from cli.screens.status_screen import show_status
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import StatusReply
from rules.diagnosis.findings import Finding
from rules.diagnosis.limits import Limits
from rules.diagnosis.of_mirror import is_too_old, trouble_of
from service.monitoring.mirror_look import limits_of, listing_of
from service.monitoring.outside import Look, look
from storage.engine import readonly
from storage.engine.errors import NoMirror, StorageError
from storage.engine.lock_holder import lock_path, present_holder
from storage.engine.place import is_missing
from storage.engine.readonly import Row
from storage.reads import decision_queries, queries

EXAMPLES = """\
  testio-sync status
  testio-sync status --all
  testio-sync status --json | jq '.freshness[] | select(.complete_as_of == null)'
"""

RUNS = 5
STORED = ("runs", "freshness", "problems", "held_deletions")
ANSWER_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync status`."""
    parser.add_argument("--all", action="store_true", help="show every product's freshness")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Ask the daemon, if one runs, and read the rest from the database."""
    settings = settings_of(arguments)
    seen = look(settings, timeout=ANSWER_SECONDS)
    live = _ask_daemon(settings) if seen.daemon is not None else None
    limits = limits_of(settings, None if live is None else live.interval_seconds)
    stored, failure = _stored_or_not(settings, seen.at, limits)
    document = _document(settings, seen, live) | stored
    if arguments.json:
        print_json(document)
    else:
        show_status(document, every_product=arguments.all)
    if failure is not None:
        raise failure  # after all that is known was told
    return 0


def _ask_daemon(settings: Settings) -> StatusReply | None:
    """What it does; None where it cannot say so just now."""
    try:
        return control_of(settings, timeout=ANSWER_SECONDS).status()
    except (NoDaemon, ControlError):
        return None


def _document(settings: Settings, seen: Look, live: StatusReply | None) -> dict[str, Any]:
    reply = {} if live is None else live.model_dump(mode="json")
    daemon = seen.daemon and seen.daemon.model_dump(mode="json")
    return {
        "daemon": daemon,
        "presence": seen.presence,
        "writer": _writer(settings),
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
        "at": seen.at.isoformat(),
        "attention": [_attention(finding, seen.at) for finding in seen.findings],
    }


def _attention(finding: Finding, now: datetime) -> dict[str, Any]:
    """A finding, as `attention` has them."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "subject": finding.subject,
        "what": finding.message,
        "why": finding.why or None,
        "since": finding.since and finding.since.isoformat(),
        "said": finding.said(now),
        "action": finding.action,
    }


def _writer(settings: Settings) -> dict[str, Any] | None:
    """Who writes to the database now: a daemon, answering or not, or a one-shot sync."""
    holder = present_holder(lock_path(settings.db_path))
    if holder is None:
        return None
    return {"pid": holder.pid, "role": holder.role, "host": holder.host, "since": holder.started_at}


def _stored_or_not(
    settings: Settings, now: datetime, limits: Limits
) -> tuple[dict[str, list[Row]], StorageError | None]:
    """What the database tells, nothing where there is none yet; and why it cannot be read."""
    nothing: dict[str, list[Row]] = {name: [] for name in STORED}
    if is_missing(settings.db_path):
        return nothing, None
    try:
        return _stored(settings, now, limits), None
    except NoMirror:
        raise  # there is nothing to be told of
    except StorageError as error:
        return nothing, error


def _stored(settings: Settings, now: datetime, limits: Limits) -> dict[str, list[Row]]:
    """What the database tells. Raises StorageError."""
    with readonly.open_readonly(settings.db_path) as connection:
        scope = settings.product_ids
        rows = queries.in_scope(queries.freshness(connection), scope)
        lists = {id(row): listing_of(row, now) for row in rows}
        return {
            "runs": queries.last_runs(connection, RUNS),
            "freshness": [
                row | {"stale": is_too_old(lists[id(row)], now, limits)}
                for row in sorted(rows, key=lambda row: trouble_of(lists[id(row)], now, limits))
            ],
            "problems": queries.in_scope(queries.problems(connection), scope),
            "held_deletions": decision_queries.held_sets(connection),
        }
