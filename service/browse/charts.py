"""The charts of the page that `browse` opens, drawn in the browser by Vega-Lite.

Only charts: the table and number cards of the plugin put text from the database into the page as
HTML, and names and titles come from strangers.
"""

from __future__ import annotations

from typing import Any

from service.browse.queries import QUERIES

DATABASE = "mirror"
PAGE = "mirror"
GOOD, WAITING, BAD, CALM = "#2f9e6b", "#e0a21b", "#cf4a3c", "#4878a8"
STATUS_COLOURS = {
    "domain": ["success", "partial", "failed", "cancelled", "interrupted"],
    "range": [GOOD, WAITING, BAD, "#9aa5b1", "#6b5b95"],
}
STATE_COLOURS = {
    "domain": ["complete", "records missing", "not fetched yet", "failing"],
    "range": [GOOD, WAITING, "#9aa5b1", BAD],
}
SECONDS = (
    "datum.value < 120 ? format(datum.value, '~r') + ' s' : datum.value < 7200 ?"
    " format(datum.value / 60, '.0f') + ' min' : format(datum.value / 3600, '.0f') + ' h'"
)
WHOLE = {"tickMinStep": 1, "format": ",d"}
UTC = {"type": "temporal", "scale": {"type": "utc"}}
LYING_BAR = {"type": "bar", "tooltip": True, "height": {"band": 0.7}}


def dashboard() -> dict[str, Any]:
    """The page for datasette-dashboards."""
    charts = {
        "tests_by_status": _tests_by_status(),
        "tests_under_way": _tests_under_way(),
        "run_durations": _run_durations(),
        "failures_by_product": _failures_by_product(),
        "freshness_states": _freshness_states(),
        "oldest_lists": _oldest_lists(),
    }
    names = list(charts)
    return {
        "title": "The mirror at a glance",
        "description": (
            "The mirror knows what is now, not every state that was: what goes over time here is "
            "made of the dates of tests, of runs and of events."
        ),
        "layout": [*zip(names[::2], names[1::2], strict=True), ["queries", "queries"]],
        "charts": {name: _card(name, display) for name, display in charts.items()}
        | {"queries": {"library": "markdown", "display": _links()}},
    }


def _links() -> str:
    """Ways from the charts to the queries behind them, and to everything else."""
    queries = ", ".join(f"[{query.title}](/{DATABASE}/{name})" for name, query in QUERIES.items())
    return f"Queries: {queries}. All tables, and your own SQL: [{DATABASE}](/{DATABASE})."


def _card(name: str, display: dict[str, Any]) -> dict[str, Any]:
    query = QUERIES[name]
    look = {
        "height": 210,
        "usermeta": {"embedOptions": {"actions": False, "renderer": "svg"}},
        **display,
    }
    return {
        "title": query.title,
        "db": DATABASE,
        "query": query.sql.strip(),
        "library": "vega-lite",
        "display": look,
    }


def _tests_by_status() -> dict[str, Any]:
    return {
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "x": {
                **UTC,
                "timeUnit": "utcyearweek",
                "field": "week",
                "title": "end of test",
                "axis": {"format": "%d %b %y"},
            },
            "y": {"field": "tests", "type": "quantitative", "axis": WHOLE},
            "color": {
                "field": "status",
                "type": "nominal",
                "title": "status now",
                "scale": {"scheme": "tableau10"},
            },
        },
    }


def _tests_under_way() -> dict[str, Any]:
    return {
        "mark": {
            "type": "area",
            "interpolate": "step-after",
            "color": CALM,
            "opacity": 0.75,
            "tooltip": True,
        },
        "encoding": {
            "x": {**UTC, "field": "day", "title": "day"},
            "y": {"field": "tests", "type": "quantitative", "axis": WHOLE, "title": "tests"},
        },
    }


def _run_durations() -> dict[str, Any]:
    return {
        "mark": {"type": "bar", "tooltip": {"content": "data"}},
        "encoding": {
            "x": {
                "field": "run",
                "type": "ordinal",
                "axis": {"labelAngle": 0, "labelOverlap": True},
            },
            "y": {
                "field": "seconds",
                "type": "quantitative",
                "title": "duration",
                "axis": {"labelExpr": SECONDS},
            },
            "color": {"field": "status", "type": "nominal", "scale": STATUS_COLOURS},
        },
    }


def _failures_by_product() -> dict[str, Any]:
    return {
        "mark": LYING_BAR,
        "encoding": {
            "y": {"field": "product", "type": "nominal", "sort": "-x", "title": None},
            "x": {"field": "attempts", "type": "quantitative", "axis": WHOLE},
            "color": {
                "field": "error",
                "type": "nominal",
                "scale": {"scheme": "set2"},
            },
        },
    }


def _freshness_states() -> dict[str, Any]:
    return {
        "mark": LYING_BAR,
        "encoding": {
            "y": {"field": "kind", "type": "nominal", "title": None},
            "x": {"field": "lists", "type": "quantitative", "axis": WHOLE},
            "color": {"field": "state", "type": "nominal", "scale": STATE_COLOURS},
        },
    }


def _oldest_lists() -> dict[str, Any]:
    return {
        "mark": LYING_BAR,
        "encoding": {
            "y": {
                "field": "list",
                "type": "nominal",
                "sort": "-x",
                "title": None,
                "axis": {"labelLimit": 220},
            },
            "x": {
                "field": "age_seconds",
                "type": "quantitative",
                "title": "age",
                "axis": {"labelExpr": SECONDS},
            },
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": ["well", "failing"], "range": [CALM, BAD]},
            },
        },
    }
