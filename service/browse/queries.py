"""The queries that `browse` offers, each by itself and under a chart.

The mirror holds what is now and when it changed last, not every state that ever was. So what
looks like history is made of the dates of tests, of runs and of events, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query with the words that a page shows."""

    title: str
    sql: str
    description: str = ""


QUERIES = {
    "freshness": Query(
        title="Freshness, worst first",
        description="complete_as_of is null where a list was never read in full.",
        sql="""
SELECT product_id, product_name, kind, rows, complete_as_of, current_as_of,
    round(age_seconds) AS age_seconds, holes, failing_since, last_error
FROM freshness
ORDER BY failing_since IS NULL, complete_as_of IS NOT NULL, age_seconds DESC
""",
    ),
    "freshness_states": Query(
        title="Lists by state",
        description="The product list, and the features and tests of each product.",
        sql="""
SELECT kind,
    CASE
        WHEN failing_since IS NOT NULL THEN 'failing'
        WHEN complete_as_of IS NULL THEN 'not fetched yet'
        WHEN holes > 0 THEN 'records missing'
        ELSE 'complete'
    END AS state,
    count(*) AS lists
FROM freshness GROUP BY kind, state ORDER BY kind, state
""",
    ),
    "oldest_lists": Query(
        title="Oldest lists",
        description="Seconds since a list was read to its end, the oldest fifteen.",
        sql="""
SELECT CASE product_id WHEN 0 THEN 'product list'
        ELSE product_id || coalesce(' ' || product_name, '') END || ', ' || kind AS list,
    round(age_seconds, 1) AS age_seconds,
    CASE WHEN failing_since IS NULL THEN 'well' ELSE 'failing' END AS state
FROM freshness WHERE age_seconds IS NOT NULL
ORDER BY age_seconds DESC LIMIT 15
""",
    ),
    "run_durations": Query(
        title="How long runs took",
        description="The newest hundred runs that have ended.",
        sql="""
SELECT id AS run, started_at, status, trigger_source, round(duration_seconds, 2) AS seconds,
    rows_new, rows_changed
FROM (
    SELECT * FROM sync_runs WHERE duration_seconds IS NOT NULL ORDER BY id DESC LIMIT 100
) ORDER BY id
""",
    ),
    "failures_by_product": Query(
        title="Failures by product",
        description="Attempts that did not come out complete, as far back as events are kept.",
        sql="""
SELECT CASE e.product_id WHEN 0 THEN 'product list'
    ELSE e.product_id || coalesce(' ' || p.name, '') END AS product,
    coalesce(e.error_kind, e.outcome) AS error, count(*) AS attempts, max(e.at) AS last_at
FROM sync_events AS e LEFT JOIN products AS p ON p.id = e.product_id
WHERE e.outcome IN ('failed', 'partial') AND e.product_id IS NOT NULL
GROUP BY product, error ORDER BY attempts DESC LIMIT 50
""",
    ),
    "tests_by_status": Query(
        title="Tests by the week in which they end, and the status they have now",
        description="Not a history: of each test only the last status is known. Two years.",
        sql="""
SELECT date(end_at, '-6 days', 'weekday 1') AS week, coalesce(status, 'unknown') AS status,
    count(*) AS tests
FROM tests
WHERE deleted_at IS NULL AND end_at >= (SELECT date(max(end_at), '-2 years') FROM tests)
GROUP BY week, 2 ORDER BY week, 2
""",
    ),
    "tests_under_way": Query(
        title="Tests between their start and end, day by day",
        description="By their dates, without cancelled ones; the last two years.",
        sql="""
WITH steps (day, step) AS (
    SELECT date(start_at), 1 FROM tests
    WHERE deleted_at IS NULL AND status IS NOT 'cancelled' AND end_at >= start_at
    UNION ALL
    SELECT date(end_at, '+1 day'), -1 FROM tests
    WHERE deleted_at IS NULL AND status IS NOT 'cancelled' AND end_at >= start_at
),
days (day, step) AS (SELECT day, sum(step) FROM steps GROUP BY day),
counts (day, tests) AS (SELECT day, sum(step) OVER (ORDER BY day) FROM days)
SELECT day, tests FROM counts
WHERE day >= (SELECT date(max(day), '-2 years') FROM counts) ORDER BY day
""",
    ),
    "running_tests": Query(
        title="Tests that run now",
        sql="""
SELECT tests.id, products.name AS product, tests.title, tests.start_at, tests.end_at
FROM tests JOIN products ON products.id = tests.product_id
WHERE tests.status = 'running' AND tests.deleted_at IS NULL ORDER BY tests.end_at
""",
    ),
    "slow_products": Query(
        title="What has been slow lately",
        sql="""
SELECT run_id, phase, product_id, outcome, duration_seconds, at
FROM sync_events WHERE product_id IS NOT NULL ORDER BY duration_seconds DESC LIMIT 50
""",
    ),
}
