"""Sync once. A daemon on this database does it, if one runs; else this process does."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from cli.common import (
    add_log_flags,
    add_settings_flags,
    cancelled_by_signal,
    control_of,
    log_level,
    print_json,
    settings_of,
    start_logging,
)
from cli.screens.failing_products import FewFailures, print_problems
from cli.screens.progress import Progress, make_progress
from cli.screens.run_lines import RunLines
from cli.shared.asking import add_options, add_scope, body_of, is_confirmed
from cli.shared.following import ended_by_signals
from config.settings import Settings
from control.client import ControlClient
from control.errors import ControlError, NoDaemon, NoSuchEntry
from control.protocol import RunView, StartRunBody
from rules.model import RunStatus
from rules.run.admission import Admission
from rules.text.wording import counted
from storage.engine import readonly
from storage.engine.errors import LockHeld, StorageError
from storage.reads import queries

if TYPE_CHECKING:
    from pydantic import SecretStr

    from service.store import Store

EXAMPLES = """\
  testio-sync sync
  testio-sync sync --product-ids 18 42 --phases new_tests
  testio-sync sync --since '3 days ago' --phases new_tests
  testio-sync sync --dry-run --verbose
  testio-sync sync --nuke --yes
  testio-sync sync --json | jq .status
"""

CANCELLED = 130
POLL_SECONDS = 0.2
TROUBLE_SECONDS = 10.0
LOST_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync sync`."""
    add_scope(parser)
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_settings_flags(parser)
    add_log_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Sync, print what came of it, and end with the status that tells."""
    settings, body = settings_of(arguments), body_of(arguments)
    if arguments.dry_run:
        return _dry_run(settings, body, arguments)
    if body.nuke and not arguments.yes and not is_confirmed(str(settings.db_path)):
        print("nothing was done", file=sys.stderr)
        return CANCELLED
    view = sync_once(settings, body, verbose=arguments.verbose)
    return report(view, as_json=arguments.json)


def report(view: RunView, *, as_json: bool = False) -> int:
    """Print what a run came to; returns the exit status that tells it."""
    if as_json:
        print_json(view.model_dump(mode="json"))
    else:
        print_summary(view)
    from service.daemon.views import exit_status_of

    return exit_status_of(view)


def sync_once(settings: Settings, body: StartRunBody, *, verbose: bool) -> RunView:
    """One run, by the daemon or by this process, its progress on stderr; what came of it."""
    with ended_by_signals(), make_progress(settings.db_path) as progress:
        view = _by_daemon(settings, control_of(settings), body, progress)
        if view is None:
            view = _by_ourselves(settings, body, progress, verbose=verbose)
        progress.finish(view)
    return view


def _dry_run(settings: Settings, body: StartRunBody, arguments: argparse.Namespace) -> int:
    from cli.shared.dry_run import dry_run

    return dry_run(settings, body, verbose=arguments.verbose, as_json=arguments.json)


# -- by the daemon -----------------------------------------------------------------------------


def _by_daemon(
    settings: Settings, control: ControlClient, body: StartRunBody, progress: Progress
) -> RunView | None:
    """Send the request and follow the run; None if there is no daemon."""
    try:
        reply = control.start_run(body)
    except NoDaemon:
        return None
    if reply.run_id is None:
        raise LockHeld(_why_busy(body))
    progress.note(f"run {reply.run_id} {reply.word.value} in the daemon")
    if reply.word is Admission.QUEUED:
        progress.note("it begins when the run at work has ended")
    return _followed(settings, control, reply.run_id, progress)


def _why_busy(body: StartRunBody) -> str:
    if body.force or body.nuke:
        return (
            "the daemon is stopping, or a run waits already, and --force and --nuke wait alone; "
            "try again when that run has begun (`testio-sync status`)"
        )
    return (
        "the daemon is stopping, or a run with other options waits already; "
        "try again when that run has begun (`testio-sync status`)"
    )


def _followed(
    settings: Settings, control: ControlClient, run_id: int, progress: Progress
) -> RunView:
    """Follow a run to its end; a daemon that ends meanwhile has written what came of it."""
    lost_at: float | None = None
    lines = RunLines(settings.db_path, run_id)
    while True:
        try:
            view = _look(control, run_id, progress)
            lost_at = None
        except (NoDaemon, ControlError):
            view = _from_database(settings, run_id)
            lost_at = time.monotonic() if lost_at is None else lost_at
        progress.tell(lines.new())
        if view is not None and view.status is not RunStatus.RUNNING:
            return view
        if lost_at is not None and time.monotonic() - lost_at > LOST_SECONDS:
            raise NoDaemon(
                f"the daemon went away before run {run_id} ended; "
                "`testio-sync status` shows what is there"
            )
        time.sleep(POLL_SECONDS)


def _look(control: ControlClient, run_id: int, progress: Progress) -> RunView | None:
    """Show how far the run is; the run itself, or None while it waits for its turn."""
    status = control.status()
    if status.current_run is not None and status.current_run.run_id == run_id:
        progress.update(status.current_run, is_told=True)
    if status.trouble is not None and status.trouble_seconds > TROUBLE_SECONDS:
        raise StorageError(f"run {run_id} cannot come to its end: {status.trouble}")
    try:
        return control.run(run_id)
    except NoSuchEntry:
        return None


def _from_database(settings: Settings, run_id: int) -> RunView | None:
    from service.daemon.views import view_of_row

    with readonly.open_readonly(settings.db_path) as connection:
        row = queries.run(connection, run_id)
    return None if row is None else view_of_row(row)


# -- by ourselves ------------------------------------------------------------------------------


def _by_ourselves(
    settings: Settings, body: StartRunBody, progress: Progress, *, verbose: bool
) -> RunView:
    """Take the writer lock and run the actor system here; or find a daemon while waiting."""
    from config.token import load_token
    from service.store import open_store
    from storage.engine.lock_holder import Role

    token = load_token(settings)
    start_logging(settings, level=log_level(settings, verbose=verbose))
    if settings.log_file is None and not verbose and log_level(settings, verbose=False):
        logging.getLogger("sync").addFilter(FewFailures())
    try:
        with cancelled_by_signal() as cancel:
            waiting = _Waiting(settings, progress, cancel)
            with open_store(
                settings,
                role=Role.ONE_SHOT,
                wait_seconds=settings.lock_wait_seconds,
                keep_waiting=waiting.keep_waiting,
                any_account=body.nuke,
            ) as store:
                return _execute(settings, token, store, body, progress, cancel)
    except LockHeld:
        view = _by_daemon(settings, control_of(settings), body, progress)
        if view is None:
            raise
        return view


class _Waiting:
    """Waits for the lock, but not once a daemon answers: it can take the request."""

    def __init__(self, settings: Settings, progress: Progress, cancel: threading.Event) -> None:
        self._settings = settings
        self._progress = progress
        self._cancel = cancel
        self._told = False

    def keep_waiting(self) -> bool:
        if self._cancel.is_set():
            raise KeyboardInterrupt
        if not self._told:
            self._told = True
            self._progress.note("waiting for another sync on this database to end")
        try:
            control_of(self._settings, timeout=1.0).status()
        except (NoDaemon, ControlError):
            return True  # there is none, or it is on its way down
        return False


def _execute(
    settings: Settings,
    token: SecretStr,
    store: Store,
    body: StartRunBody,
    progress: Progress,
    cancel: threading.Event,
) -> RunView:
    from service.assembly import make_sync_service, request_of, settle
    from service.daemon.views import view_of_result

    if cancel.is_set():
        raise KeyboardInterrupt
    settle()
    request = request_of(settings, body)
    result = make_sync_service(settings, token, store).execute_sync(
        request.phases,
        request.scope,
        request.options,
        request.trigger,
        on_progress=progress.update,
        cancel=cancel,
    )
    return view_of_result(result)


# -- output ---------------------------------------------------------------------------------


def print_summary(view: RunView) -> None:
    """One line for the run, and those for its problems."""
    seconds = f" after {view.duration_seconds:.1f} s" if view.duration_seconds is not None else ""
    print(
        f"run {view.run_id}: {view.status.value}{seconds}: "
        f"{counted(view.products_synced, 'product')} synced, "
        f"{counted(view.features_refreshed, 'feature')} refreshed, "
        f"{counted(view.tests_discovered, 'test')} new, {view.tests_updated} updated"
    )
    for warning in view.warnings:
        print(f"  warning: {warning}")
    print_problems(view, all_of_them=f"testio-sync runs show {view.run_id}")
