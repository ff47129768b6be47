"""Sync once. A daemon on this database does it, if one runs; else this process does."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli.common import (
    add_log_flags,
    add_settings_flags,
    control_of,
    print_json,
    settings_of,
    start_logging,
)
from cli.progress import Progress, make_progress
from config.settings import Settings
from control.client import ControlClient, ControlError, NoDaemon, NotThere
from control.protocol import RunView, StartRunBody
from rules.admission import Admission
from rules.model import RunStatus, SyncPhase, Trigger, in_order
from storage import queries
from storage.errors import LockHeld, StorageError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from service.store import Store

EXAMPLES = """\
  testio-sync sync
  testio-sync sync --product-ids 18 42 --phases new_tests
  testio-sync sync --json | jq .status
"""

POLL_SECONDS = 0.2
TROUBLE_SECONDS = 10.0
LOST_SECONDS = 5.0
PHASE_NAMES = {phase.value: phase for phase in SyncPhase} | {
    "new-tests": SyncPhase.NEW_TESTS,
    "tests": SyncPhase.NEW_TESTS,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync sync`."""
    parser.add_argument(
        "--product-ids",
        nargs="+",
        type=_product_id,
        metavar="ID",
        help="only these products (default: TESTIO_PRODUCT_IDS, else all)",
    )
    parser.add_argument(
        "--phases",
        nargs="+",
        type=_phase,
        metavar="PHASE",
        help="only these of products, features, new_tests (or tests); always in this order",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    add_settings_flags(parser)
    add_log_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Sync, print what came of it, and end with the status that tells."""
    settings = settings_of(arguments)
    body = StartRunBody(
        phases=arguments.phases and list(in_order(tuple(arguments.phases))),
        product_ids=arguments.product_ids,
        trigger_source=Trigger.CLI,
    )
    control = control_of(settings)
    with make_progress() as progress:
        view = _by_daemon(settings, control, body, progress)
        if view is None:
            view = _by_ourselves(settings, body, progress)
        progress.finish(view)
    if arguments.json:
        print_json(view.model_dump(mode="json"))
    else:
        _print_summary(view)
    from service.views import exit_status_of

    return exit_status_of(view)


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
        raise LockHeld("the daemon is stopping, or another kind of run waits already; try again")
    progress.note(f"run {reply.run_id} {reply.word.value} in the daemon")
    if reply.word is Admission.QUEUED:
        progress.note("it begins when the run at work has ended")
    return _followed(settings, control, reply.run_id, progress)


def _followed(
    settings: Settings, control: ControlClient, run_id: int, progress: Progress
) -> RunView:
    """Follow a run to its end; a daemon that ends meanwhile has written what came of it."""
    lost_at: float | None = None
    while True:
        try:
            view = _look(control, run_id, progress)
            lost_at = None
        except (NoDaemon, ControlError):
            view = _from_database(settings, run_id)
            lost_at = time.monotonic() if lost_at is None else lost_at
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
        progress.update(status.current_run)
    if status.trouble is not None and status.trouble_seconds > TROUBLE_SECONDS:
        raise StorageError(f"run {run_id} cannot come to its end: {status.trouble}")
    try:
        return control.run(run_id)
    except NotThere:
        return None


def _from_database(settings: Settings, run_id: int) -> RunView | None:
    from service.views import view_of_row

    with queries.open_readonly(settings.db_path) as connection:
        row = queries.run(connection, run_id)
    return None if row is None else view_of_row(row)


# -- by ourselves ------------------------------------------------------------------------------


def _by_ourselves(settings: Settings, body: StartRunBody, progress: Progress) -> RunView:
    """Take the writer lock and run the actor system here; or find a daemon while waiting."""
    from config.token import load_token
    from service.store import open_store
    from storage.writer_lock import Role

    token = load_token(settings)
    quiet = "log_level" not in settings.model_fields_set
    start_logging(settings, level="WARNING" if quiet else None)
    waiting = _Waiting(settings, progress)
    try:
        with open_store(
            settings,
            role=Role.ONE_SHOT,
            wait_seconds=settings.lock_wait_seconds,
            keep_waiting=waiting.keep_waiting,
        ) as store:
            return _execute(settings, token, store, body, progress)
    except LockHeld:
        view = _by_daemon(settings, control_of(settings), body, progress)
        if view is None:
            raise
        return view


class _Waiting:
    """Waits for the lock, but not once a daemon answers: it can take the request."""

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._told = False

    def keep_waiting(self) -> bool:
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
) -> RunView:
    from service.assembly import make_request, make_sync_service
    from service.views import view_of_progress, view_of_result

    request = make_request(
        settings, body.trigger_source, phases=body.phases, product_ids=body.product_ids
    )
    with _cancelled_by_signal() as cancel:
        result = make_sync_service(settings, token, store).execute_sync(
            request.phases,
            request.scope,
            request.options,
            request.trigger,
            on_progress=lambda state: progress.update(view_of_progress(state)),
            cancel=cancel,
        )
    return view_of_result(result)


@contextmanager
def _cancelled_by_signal() -> Iterator[threading.Event]:
    """The first signal cancels the run; a second one ends the process."""
    cancel = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    previous = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield cancel
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


# -- input and output --------------------------------------------------------------------------


def _product_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) < 2**63):
        raise argparse.ArgumentTypeError(f"{text!r} is no product id; expected a number like 18")
    return int(text)


def _phase(text: str) -> SyncPhase:
    if text not in PHASE_NAMES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no phase; expected products, features or new_tests"
        )
    return PHASE_NAMES[text]


def _print_summary(view: RunView) -> None:
    seconds = f" after {view.duration_seconds:.1f} s" if view.duration_seconds is not None else ""
    print(
        f"run {view.run_id}: {view.status.value}{seconds}: "
        f"{view.products_synced} products synced, {view.features_refreshed} features refreshed, "
        f"{view.tests_discovered} tests new, {view.tests_updated} updated"
    )
    for warning in view.warnings:
        print(f"  warning: {warning}")
    for problem in view.errors:
        place = f"product {problem.product_id}" if problem.product_id else "the account"
        phase = f", {problem.phase.value}" if problem.phase else ""
        print(f"  {place}{phase}: {problem.kind.value}: {problem.message}")
