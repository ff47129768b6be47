"""Every event of the log: its level, its fields, what it means; docs/log-events.md is made of it.

A field has one meaning and one type, in every event, for ever. Tests hold the code against this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """`type`: text, number, texts (a list of them), object, objects, or text or number."""

    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event: `fields` by their names, with a blank between them. `level` may be several."""

    level: str
    meaning: str
    fields: str = ""

    @property
    def names(self) -> frozenset[str]:
        """The names of the fields."""
        return frozenset(self.fields.split())


FIELDS: Mapping[str, Field] = {
    "about": Field("text", "the event that a notification tells of"),
    "address": Field("text", "host and port of the metrics"),
    "advice": Field("text", "what to do"),
    "asked_seconds": Field("number", "what the remote's `Retry-After` asked for"),
    "attempt": Field("number", "which attempt this was, from 1 on"),
    "backup": Field("text", "the copy that was made before; empty where none was needed"),
    "base_url": Field("text", "the remote"),
    "before": Field("text or number", "of a setting, before it was changed"),
    "by": Field("text", "who did it: `operator`, or `timer` where a pause came to its end"),
    "changed": Field("number", "rows that changed, of one product and kind"),
    "channel": Field("text", "the way a notification goes: `command` or `webhook`"),
    "connections": Field("number", "clients that the control socket serves at most"),
    "damage": Field("text", "what was found in a database"),
    "database": Field("text", "its path"),
    "duration_seconds": Field("number", "how long it took; left out for what has no length"),
    "entities": Field("texts", "what was to be fetched on demand, like `test 4711`"),
    "entity": Field("text", "one of these"),
    "entries": Field("number", "entries of the queue of events that were to be written together"),
    "entry": Field("text", "such an entry, as the program has it"),
    "error": Field("text", "what went wrong, in words"),
    "error_kind": Field("text", "the type of the failure: a code of findings.md"),
    "events": Field("number", "rows of sync_events"),
    "exit_status": Field("number", "what the process ends with"),
    "features_refreshed": Field("number", "features that were read in the run"),
    "from": Field("object", "who held the lock before: pid, role, host, started_at, version"),
    "from_revision": Field("text", "the schema before; null for a new database"),
    "hint": Field("text", "the setting that was probably meant"),
    "host": Field("text", "the address that is listened on"),
    "http_status": Field("number", "the status of the remote's answer"),
    "id": Field("number", "the entry that was decided on"),
    "kind": Field("text", "products, features, tests or bugs"),
    "log": Field("text", "where the log goes"),
    "name": Field("text", "of a setting"),
    "names": Field("texts", "of settings"),
    "needs_restart": Field("texts", "names of settings that count from the next start on"),
    "new": Field("number", "rows that are new, of one product and kind"),
    "of": Field("number", "how many attempts there are at most"),
    "open_files": Field("number", "the limit of open files"),
    "open_seconds": Field("number", "for how long requests were held back"),
    "outcome": Field("text", "complete, partial, failed or skipped"),
    "path": Field("text", "of a file, or of a request"),
    "pause_seconds": Field("number", "until the next attempt"),
    "phase": Field("text", "products, features or new_tests"),
    "phases": Field("texts", "the phases that were asked for"),
    "pid": Field("number", "of the process"),
    "port": Field("number", "that is listened on"),
    "problems": Field("texts", "what went wrong in a run, alike problems once; at most six lines"),
    "product": Field("number", "the product that was meant by an operator; 0 is the product list"),
    "product_id": Field("number", "a product; left out for the product list"),
    "product_name": Field("text", "its name, where the mirror has it"),
    "products": Field("number", "products that a phase has to do"),
    "products_failed": Field("number", "products that did not come out complete"),
    "products_synced": Field("number", "products that came out complete in all phases"),
    "reason": Field("text", "why"),
    "role": Field("text", "a part of the daemon, like `logger` or `worker-3`"),
    "roles": Field("texts", "parts of the daemon"),
    "rows": Field("number", "rows that were marked as deleted"),
    "run_id": Field("number", "the run; `testio-sync runs show` has all of it"),
    "set_aside": Field("text", "where the damaged file is now"),
    "settings": Field("texts", "names of settings that changed"),
    "socket": Field("text", "the control socket's path"),
    "source": Field("text", "where a setting stands"),
    "stack": Field("text", "what a thread is doing"),
    "status": Field("text", "how a run ended: success, partial, failed, cancelled, interrupted"),
    "tables": Field("objects", "what was kept of each table"),
    "tests_discovered": Field("number", "tests that are new"),
    "tests_updated": Field("number", "tests that changed"),
    "thread_name": Field("text", "of a thread"),
    "to_revision": Field("text", "the schema now"),
    "todo": Field("text", "what to do"),
    "told": Field("text", "what systemd was to hear"),
    "trigger_source": Field("text", "startup, schedule, cli or api"),
    "until": Field("text", "when a pause ends: a time, or `resumed`"),
    "value": Field("text or number", "of a setting; null: as configured"),
    "version": Field("text", "of this program"),
    "waited_seconds": Field("number", "how long was waited"),
    "waiting": Field("number", "entries that are not written yet"),
    "waiting_seconds": Field("number", "how long nobody asks the remote"),
    "was": Field("text", "what was wrong before"),
    "window": Field("text", "the page that was to be read"),
}

ALWAYS = frozenset({"at", "level", "event", "logger"})
OFTEN = frozenset({"exception", "run_id", "phase", "product_id"})
"""Any event may have these: an unforeseen error with its traceback, and where a worker was."""

_PRODUCT = (
    "run_id phase product_id product_name outcome duration_seconds error_kind error new changed"
)

EVENTS: Mapping[str, LogEvent] = {
    "account_recorded": LogEvent("info", "the mirror belongs to this account now", "base_url"),
    "actor_crashed": LogEvent("error", "a part of the daemon crashed", "role error_kind error"),
    "actor_not_started": LogEvent(
        "error", "no thread could be started; tried again at each beat", "role error advice"
    ),
    "actor_replaced": LogEvent("warning", "another one took its place", "role error_kind error"),
    "actor_started": LogEvent("info", "the thread that was missing is there", "role"),
    "actors_left_behind": LogEvent("error", "they did not end in time at the stop", "roles"),
    "batch_not_writable": LogEvent("error", "events are written one by one instead", "entries"),
    "checkpoint_failed": LogEvent("warning", "SQLite's log was not emptied this time", "error"),
    "compact_failed": LogEvent("warning", "the database was not made smaller this time", "error"),
    "control_connection_failed": LogEvent("error", "a client could not be accepted"),
    "control_connections_full": LogEvent(
        "warning", "more clients than are served wait", "connections open_files advice"
    ),
    "control_loop_failed": LogEvent("error", "the control socket's thread goes on after a failure"),
    "control_request_failed": LogEvent("error", "a request met a bug; answered with 500", "path"),
    "control_socket_lost": LogEvent(
        "error", "the socket was removed and cannot be made again", "socket error"
    ),
    "control_socket_made_again": LogEvent("warning", "the socket had been removed", "socket"),
    "daemon_alive_again": LogEvent("warning", "what hung moves again", "was"),
    "daemon_gave_up": LogEvent(
        "critical, error", "its parts crash too often; it ends", "reason role error_kind error"
    ),
    "daemon_not_alive": LogEvent("critical", "systemd is not fed any more", "reason"),
    "daemon_started": LogEvent("info", "the socket answers", "pid version socket log"),
    "daemon_stopped": LogEvent("info", "the last word", "exit_status"),
    "daemon_stopping": LogEvent("info", "it ends in order", "pid version socket"),
    "database_damaged": LogEvent("critical", "nothing is written to it", "path reason todo"),
    "database_gone": LogEvent("critical", "removed or moved away under the daemon", "path todo"),
    "database_rebuilt": LogEvent("info", "made anew of a damaged one", "damage set_aside tables"),
    "database_replaced": LogEvent("critical", "another file stands at its path", "path todo"),
    "deletions_accepted": LogEvent(
        "info", "an operator accepted held deletions", "id product product_id kind rows"
    ),
    "detach_failed": LogEvent("warning", "a staging file was not let go of this time", "error"),
    "event_left_out": LogEvent("error", "one event cannot be written at all", "entry"),
    "events_lost_at_stop": LogEvent("error", "they could not be written until the end", "waiting"),
    "events_not_written": LogEvent("error", "kept in memory; tried again", "waiting error"),
    "fetch_crashed": LogEvent("error", "a fetch on demand met a bug", "entities"),
    "fetch_failure_not_noted": LogEvent("warning", "a failed fetch is not on disk", "entity error"),
    "lock_file_replaced": LogEvent("critical", "somebody replaced or removed it", "path todo"),
    "lock_recovered": LogEvent("warning", "the holder before was killed", "from"),
    "messenger_failed": LogEvent("error", "a notification met a bug", "channel"),
    "metrics_failed": LogEvent("error", "the page of metrics met a bug"),
    "metrics_not_served": LogEvent("error", "the port cannot be had", "address error advice"),
    "metrics_served": LogEvent("info", "the page of metrics is there", "host port"),
    "monitoring_failed": LogEvent("error", "looking after the daemon met a bug; it goes on"),
    "notification_cut": LogEvent("warning", "given up at the stop", "channel waited_seconds"),
    "notification_failed": LogEvent(
        "warning", "an attempt to deliver it failed", "channel about attempt of error"
    ),
    "notified": LogEvent("info", "a notification arrived", "channel about"),
    "old_events_forgotten": LogEvent("info", "older than TESTIO_EVENTS_RETENTION_DAYS", "events"),
    "old_events_not_forgotten": LogEvent("warning", "tried again tomorrow", "error"),
    "overrides_not_understood": LogEvent(
        "warning", "what was chosen at run time before cannot be read", "names"
    ),
    "paused": LogEvent("info", "no periodic runs", "until"),
    "phase_finished": LogEvent(
        "info", "a phase came to its end", "run_id phase outcome duration_seconds error_kind error"
    ),
    "phase_started": LogEvent("info", "a phase begins", "run_id phase products"),
    "problem_cleared": LogEvent(
        "info", "an operator set a record aside", "id product product_id kind"
    ),
    "product_failed": LogEvent(
        "warning, debug", "not read; a cause once a run, further ones as debug", _PRODUCT
    ),
    "product_skipped": LogEvent(
        "warning, debug", "the run ended before, or it was left out; a cause once a run", _PRODUCT
    ),
    "product_synced": LogEvent(
        "info, warning, debug",
        "read: info with something new, debug without, warning where partial, a cause once a run",
        _PRODUCT,
    ),
    "rebuild_finished": LogEvent("warning", "the database was made anew", "database set_aside"),
    "reload_failed": LogEvent("error", "the configuration stays as it was", "reason"),
    "reload_refused": LogEvent("error", "the new configuration cannot be used", "reason outcome"),
    "reloaded": LogEvent(
        "info", "the configuration was read again", "settings needs_restart outcome"
    ),
    "remote_asked_to_wait": LogEvent(
        "warning", "429 or 503 with `Retry-After`", "http_status asked_seconds waiting_seconds"
    ),
    "remote_fails": LogEvent(
        "error", "all of the remote fails; requests are held back from now on", "error advice"
    ),
    "remote_is_back": LogEvent("warning", "the remote answers again", "open_seconds"),
    "request_retried": LogEvent(
        "info", "an attempt failed and is made again", "path attempt error pause_seconds"
    ),
    "resumed": LogEvent("info", "periodic runs again", "by"),
    "run_cancel_requested": LogEvent(
        "info", "an operator, or the stop, ends it", "run_id reason product"
    ),
    "run_end_not_written": LogEvent("warning", "its row belongs to another file", "run_id todo"),
    "run_finished": LogEvent(
        "info, warning, error",
        "error where it failed, warning where it is partial",
        "run_id status duration_seconds products_synced products_failed features_refreshed"
        " tests_discovered tests_updated problems",
    ),
    "run_interrupted": LogEvent("warning", "its process was killed", "run_id"),
    "run_joined": LogEvent(
        "info", "a request is served by the run at work", "run_id trigger_source"
    ),
    "run_not_drained": LogEvent("error", "it did not end in time at the stop", "waited_seconds"),
    "run_queued": LogEvent("info", "it waits for the one at work", "run_id trigger_source"),
    "run_started": LogEvent("info", "a run begins", "run_id trigger_source phases"),
    "schedule_begun_again": LogEvent("error", "the Scheduler forgot its schedule", "error"),
    "schema_migrated": LogEvent(
        "info", "the database has this version's schema", "from_revision to_revision backup"
    ),
    "setting_changed": LogEvent("info", "an operator chose another value", "name value before"),
    "setting_unknown": LogEvent("warning", "it looks like a setting", "name source hint"),
    "systemd_not_told": LogEvent("warning", "its socket does not answer", "told error"),
    "thread_failed": LogEvent("error", "begun anew", "thread_name"),
    "thread_stack": LogEvent("warning", "asked for by SIGUSR1", "thread_name stack"),
    "threads_not_shown": LogEvent("error", "SIGUSR1 met a bug"),
    "tick_skipped": LogEvent("info", "a run is at work still", "run_id reason trigger_source"),
    "token_refused": LogEvent("error", "the remote does not accept it", "run_id error advice"),
    "told_not_known": LogEvent("warning", "what was notified before", "channel error"),
    "told_not_understood": LogEvent("warning", "what was notified before", "channel error"),
    "told_not_written": LogEvent("warning", "what was notified", "channel error"),
    "watcher_failed": LogEvent("error", "who listens to events met a bug"),
    "watchdog_failed": LogEvent("error", "looking after the parts met a bug; it goes on"),
    "window_not_read_ahead": LogEvent("debug", "it is read later", "window error"),
    "wrong_account": LogEvent("critical", "the token is of another account; it ends", "reason"),
}
