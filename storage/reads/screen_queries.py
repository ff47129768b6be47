"""What a screen reads of the database again and again, while somebody looks at it."""

from __future__ import annotations

import sqlite3

from rules.run.eta import REMEMBERED
from storage.engine.readonly import Row

PHASE_DURATIONS = f"""
SELECT phase, duration_seconds FROM (
    SELECT e.phase, e.duration_seconds, e.id,
        row_number() OVER (PARTITION BY e.phase ORDER BY e.id DESC) AS place
    FROM sync_events AS e JOIN sync_runs AS r ON r.id = e.run_id
    WHERE e.event = 'phase_finished' AND e.outcome = 'complete'
        AND e.run_id IN (
            SELECT past.id FROM sync_runs AS past JOIN sync_runs AS present ON present.id = :run_id
            WHERE past.id < present.id AND past.completed_at IS NOT NULL
                AND past.scope IS present.scope AND past.options IS present.options
            ORDER BY past.id DESC LIMIT 12
        )
) WHERE place <= {REMEMBERED} ORDER BY id DESC
"""

ROWS_OF_RUN = """
SELECT coalesce(sum(
    json_extract(counts, '$.new') + json_extract(counts, '$.changed')
    + json_extract(counts, '$.unchanged') + json_extract(counts, '$.revived')
), 0) AS rows FROM sync_events WHERE run_id = ? AND product_id IS NOT NULL
"""

PHASES_OF_RUN = """
SELECT phase,
    max(CASE event WHEN 'phase_started' THEN json_extract(detail, '$.products') END) AS total,
    coalesce(sum(product_id IS NOT NULL AND outcome = 'complete'), 0) AS complete,
    coalesce(sum(product_id IS NOT NULL AND outcome != 'complete'), 0) AS failed,
    max(event = 'phase_finished') AS finished
FROM sync_events WHERE run_id = ? AND phase IS NOT NULL GROUP BY phase
"""


def phase_durations(connection: sqlite3.Connection, run_id: int) -> dict[str, list[float]]:
    """Seconds that each phase took in the last runs like this one, newest first.

    Like it: with the same scope and options; only phases that came out complete.
    """
    durations: dict[str, list[float]] = {}
    for row in connection.execute(PHASE_DURATIONS, {"run_id": run_id}):
        durations.setdefault(row["phase"], []).append(row["duration_seconds"])
    return durations


def phases_begun(connection: sqlite3.Connection, run_id: int) -> dict[str, str]:
    """When each phase of a run began."""
    rows = connection.execute(
        "SELECT phase, at FROM sync_events WHERE run_id = ? AND event = 'phase_started'", (run_id,)
    )
    return {row["phase"]: row["at"] for row in rows}


def phases_of_run(connection: sqlite3.Connection, run_id: int) -> dict[str, Row]:
    """How far the phases of a run are that have begun: total, complete, failed, finished."""
    return {row["phase"]: row for row in connection.execute(PHASES_OF_RUN, (run_id,))}


def rows_of_run(connection: sqlite3.Connection, run_id: int) -> int:
    """Rows that the products which have ended in this run brought or confirmed."""
    return int(connection.execute(ROWS_OF_RUN, (run_id,)).fetchone()["rows"])
