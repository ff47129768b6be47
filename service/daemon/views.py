"""From results, rows and actor states to the types of the control protocol."""

from __future__ import annotations

from actors.messages import RunProgress
from actors.worker_activity import Activity
from control.protocol import RunView
from control.views import ChoicesView, PhaseProgressView, RemoteView, RunProgressView, WorkerView
from rules.model import ErrorKind, RunStatus, SyncResult
from rules.run.runtime_overrides import RuntimeOverrides
from service.exit_status import ExitStatus
from storage.engine.readonly import Row
from testio.tally import RemoteState


def view_of_result(result: SyncResult) -> RunView:
    """The run as it came out of this process."""
    return RunView(
        run_id=result.run_id,
        status=result.status,
        trigger_source=result.trigger_source,
        phases_completed=list(result.phases_completed),
        products_synced=result.products_synced,
        features_refreshed=result.features_refreshed,
        tests_discovered=result.tests_discovered,
        tests_updated=result.tests_updated,
        duration_seconds=round(result.duration_seconds, 3),
        warnings=list(result.warnings),
        errors=list(result.errors),
    )


def view_of_row(row: Row) -> RunView:
    """The run as it stands in `sync_runs`."""
    duration = row["duration_seconds"]
    return RunView(
        run_id=row["id"],
        status=row["status"],
        trigger_source=row["trigger_source"],
        phases_completed=row["phases_completed"] or [],
        products_synced=row["products_synced"],
        features_refreshed=row["features_refreshed"],
        tests_discovered=row["tests_discovered"],
        tests_updated=row["tests_updated"],
        duration_seconds=None if duration is None else round(duration, 3),
        warnings=row["warnings"] or [],
        errors=row["errors"] or [],
    )


def view_of_progress(progress: RunProgress) -> RunProgressView:
    """How far the run at work is."""
    return RunProgressView(
        run_id=progress.run_id,
        trigger_source=progress.trigger,
        started_at=progress.started_at,
        elapsed_seconds=round(progress.elapsed_seconds, 3),
        cancelling=progress.cancelling,
        phases=[
            PhaseProgressView(
                phase=phase.phase,
                total=phase.total,
                complete=phase.complete,
                failed=phase.failed,
                finished=phase.finished,
            )
            for phase in progress.phases
        ],
    )


def view_of_activity(activity: Activity, now: float) -> WorkerView:
    """What one worker is doing; `now` is on the clock of elapsed seconds."""
    return WorkerView(
        role=activity.role,
        run_id=activity.run_id,
        phase=activity.phase,
        product_id=activity.product_id,
        pages=activity.pages,
        rows=activity.rows,
        seconds=round(now - activity.since, 1),
        quiet_seconds=round(now - activity.moved, 1),
    )


def view_of_remote(state: RemoteState) -> RemoteView:
    """How the remote is asked."""
    return RemoteView(
        results=dict(state.results),
        retries=state.retries,
        in_flight=state.in_flight,
        connections=state.connections,
        requests_per_second=state.requests_per_second,
        parked_seconds=round(state.parked_seconds, 1),
        breaker=state.breaker,
        open_seconds=round(state.open_seconds, 1),
        last_failure=state.last_failure,
    )


def view_of_choices(choices: RuntimeOverrides) -> ChoicesView:
    """What an operator has chosen."""
    return ChoicesView(
        interval_seconds=choices.interval_seconds,
        concurrency=choices.concurrency,
        requests_per_second=choices.requests_per_second,
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
