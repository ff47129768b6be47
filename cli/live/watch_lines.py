"""`watch` without a terminal: a line for each change, from the events; and the daemon's coming."""

from __future__ import annotations

from contextlib import suppress

from cli.common import control_of
from cli.screens.failing_products import failure_text, names_in
from cli.screens.screen import harmless
from cli.shared.following import note, wait
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import DaemonView
from rules.model import Outcome
from rules.run.events import EventName
from storage.engine.errors import StorageError
from storage.engine.place import is_missing
from storage.engine.readonly import Row
from storage.reads.event_feed import EventFeed

POLL_SECONDS = 0.5
STATUS_TIMEOUT_SECONDS = 2.0

WORDS = {
    EventName.RUN_QUEUED: "waits",
    EventName.RUN_STARTED: "begun",
    EventName.RUN_CANCEL_REQUESTED: "is to be cancelled",
    EventName.RUN_INTERRUPTED: "was killed",
    EventName.PHASE_STARTED: "begun",
    EventName.PAUSED: "periodic runs are paused",
    EventName.RESUMED: "periodic runs go on",
    EventName.RELOADED: "the configuration was read again",
    EventName.RELOAD_REFUSED: "the configuration was not taken over",
    EventName.ACTOR_CRASHED: "a part of the daemon crashed, and is replaced",
    EventName.DAEMON_GAVE_UP: "the daemon gave up",
    EventName.DELETIONS_ACCEPTED: "held deletions were accepted",
}
"""Events that are told of, and in which words; ends are told with their outcome instead."""


def print_changes(settings: Settings) -> int:
    """Print until a signal ends it; what happened before is not told."""
    feed = EventFeed(settings.db_path, since=0 if is_missing(settings.db_path) else None)
    _begin(feed)  # before a word is printed: who reads it may be about to change something
    daemon: DaemonView | None = None
    first = True
    while True:
        now = _daemon_of(settings)
        if first or (now and now.pid) != (daemon and daemon.pid):
            print(_daemon_line(now), flush=True)
        daemon, first = now, False
        more = _print_events(feed)
        wait(0 if more else POLL_SECONDS)


def _begin(feed: EventFeed) -> None:
    """What is there already is no change. A database that is away is waited for."""
    with suppress(StorageError):
        if feed.last_id is None:
            feed.start(1)


def _daemon_of(settings: Settings) -> DaemonView | None:
    try:
        return control_of(settings, timeout=STATUS_TIMEOUT_SECONDS).status().daemon
    except (NoDaemon, ControlError):
        return None


def _daemon_line(daemon: DaemonView | None) -> str:
    if daemon is None:
        return "no daemon answers"
    return f"daemon with pid {daemon.pid}, version {daemon.version}"


def _print_events(feed: EventFeed) -> bool:
    """Print what is new; whether there is more already. A database that is away is waited for."""
    _begin(feed)
    if feed.last_id is None:
        return False
    try:
        batch = feed.poll()
    except StorageError:
        return False
    if batch.moved_to is not None:
        note("the database was replaced by another one or by a backup")
    names = names_in(feed.path, batch.rows)
    for row in batch.rows:
        text = line_of(row, names)
        if text:
            print(text, flush=True)
    return batch.more


def line_of(row: Row, names: dict[int, str]) -> str:
    """One change, in words; empty for what is none worth a line (products that came out well)."""
    what = _what(row, names)
    if not what:
        return ""
    place = [row["at"][:19].replace("T", " ")]
    place += [f"run {row['run_id']}"] if row["run_id"] is not None else []
    place += [row["phase"]] if row["phase"] else []
    return harmless("  ".join([*place, what]))


def _what(row: Row, names: dict[int, str]) -> str:
    detail = row["detail"] or {}
    words = WORDS.get(row["event"], "")
    match row["event"]:
        case EventName.RUN_FINISHED | EventName.PHASE_FINISHED:
            return f"{row['outcome']} after {row['duration_seconds']:.1f} s"
        case EventName.PRODUCT_SYNCED | EventName.PRODUCT_FAILED:
            return "" if row["outcome"] == Outcome.COMPLETE else failure_text(row, names)
        case EventName.PHASE_STARTED:
            return f"{words}, {detail.get('products')} to do"
        case EventName.RUN_STARTED:
            return f"{words} by {detail.get('trigger_source')}"
        case EventName.SETTING_CHANGED:
            return f"{detail.get('name')} is now {detail.get('value')}"
        case EventName.RELOAD_REFUSED:
            return f"{words}: {detail.get('reason')}"
    return f"{words}: {row['error']}" if words and row["error"] else words
