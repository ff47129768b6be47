"""From results, rows and actor states to the types of the control protocol."""

from __future__ import annotations

from dataclasses import replace

from actors.worker_activity import Activity
from control.protocol import RunView
from control.views import WorkerView
from rules.model import ErrorKind, RunStatus, SyncResult
from service.exit_status import ExitStatus
from storage.engine.readonly import Row


def view_of_result(result: SyncResult) -> RunView:
    """The run as it came out of this process."""
    told = replace(result, duration_seconds=round(result.duration_seconds, 3))
    return RunView.model_validate(told, from_attributes=True)


def view_of_row(row: Row) -> RunView:
    """The run as it stands in `sync_runs`."""
    told = {name: row[name] for name in RunView.model_fields if row.get(name) is not None}
    if (duration := row["duration_seconds"]) is not None:
        told["duration_seconds"] = round(duration, 3)
    return RunView(run_id=row["id"], **told)


def view_of_activity(activity: Activity, now: float) -> WorkerView:
    """What one worker is doing; `now` is on the clock of elapsed seconds."""
    retries, last_failure = activity.retried.so_far()
    return WorkerView(
        role=activity.role,
        run_id=activity.run_id,
        phase=activity.phase,
        product_id=activity.product_id,
        pages=activity.pages,
        rows=activity.rows,
        seconds=round(now - activity.since, 1),
        quiet_seconds=round(now - activity.moved, 1),
        retries=retries,
        last_failure=last_failure,
    )


def exit_status_of(view: RunView) -> ExitStatus:
    """The exit status that tells how a run ended."""
    kinds = {problem.kind for problem in view.errors}
    if ErrorKind.UNAUTHORIZED in kinds:
        return ExitStatus.CREDENTIALS
    if ErrorKind.WRONG_ACCOUNT in kinds:
        return ExitStatus.USAGE
    return {
        RunStatus.SUCCESS: ExitStatus.DONE,
        RunStatus.PARTIAL: ExitStatus.PARTIAL,
        RunStatus.CANCELLED: ExitStatus.CANCELLED,
    }.get(view.status, ExitStatus.FAILED)
