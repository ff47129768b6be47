"""`testio-sync sync --dry-run`: shows what a run would change, and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.common import cancelled_by_signal, log_level, print_json, start_logging
from cli.screens.failing_products import print_problems
from cli.screens.progress import make_progress
from config.settings import Settings
from control.protocol import RunView, StartRunBody

if TYPE_CHECKING:
    from storage.reads.comparing import RowChange


def dry_run(settings: Settings, body: StartRunBody, *, verbose: bool, as_json: bool) -> int:
    """Rehearse the run here, beside a daemon too; ends with the status the run would have."""
    from config.token import load_token
    from service.assembly import settle
    from service.checkup.dry_run import rehearse
    from service.daemon.views import exit_status_of, view_of_result

    token = load_token(settings)
    start_logging(settings, level=log_level(settings, verbose=False))
    settle()
    with make_progress(settings.db_path) as progress, cancelled_by_signal() as cancel:
        rehearsal = rehearse(
            settings,
            token,
            body,
            on_progress=progress.update,
            cancel=cancel,
        )
        view = view_of_result(rehearsal.result)
        progress.finish(view)
    if as_json:
        print_json(_document(view, rehearsal.changes, verbose=verbose))
    else:
        _print(view, rehearsal.changes, verbose=verbose)
    return exit_status_of(view)


def _counted(changes: Sequence[RowChange]) -> dict[str, dict[str, int]]:
    """How many rows of each kind would be new, changed, and so on."""
    from storage.reads.comparing import TITLES, Change

    counter = Counter((row.kind, row.change) for row in changes)
    return {
        kind.value: {change.value: counter[kind, change] for change in Change} for kind in TITLES
    }


def _document(view: RunView, changes: Sequence[RowChange], *, verbose: bool) -> dict[str, Any]:
    rows = [
        {"kind": row.kind.value, "id": row.id, "change": row.change.value, "what": row.what}
        for row in changes
    ]
    return {
        "dry_run": True,
        "run": view.model_dump(mode="json", exclude={"run_id"}),
        "changes": _counted(changes),
        **({"rows": rows} if verbose else {}),
    }


def _print(view: RunView, changes: Sequence[RowChange], *, verbose: bool) -> None:
    print(f"dry run: {view.status.value} after {view.duration_seconds:.1f} s; nothing was written")
    for kind, counts in _counted(changes).items():
        words = ", ".join(f"{count} {change}" for change, count in counts.items())
        print(f"  {kind}: {words}")
    for row in changes if verbose else ():
        print(row)
    print_problems(view, all_of_them="testio-sync sync --dry-run --json")
