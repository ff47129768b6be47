"""Every request that the socket answers, declared once: for server, client, OpenAPI and the docs.

Nothing here needs the server's libraries, so that a command which only asks loads fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import BaseModel

from control.protocol import (
    MAX_EVENTS,
    MAX_ID,
    MAX_WAIT_SECONDS,
    ChoiceReply,
    ConcurrencyBody,
    DecisionReply,
    EventsReply,
    FetchBody,
    FetchReply,
    IntervalBody,
    PauseBody,
    RateBody,
    ReloadReply,
    RetryBody,
    RetryReply,
    RunView,
    StartRunBody,
    StartRunReply,
    WordReply,
)
from control.views import HealthReply, StatusReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A whole number in the query or the path, with its bounds. `default`: where it is left out."""

    name: str
    low: int
    high: int
    meaning: str
    default: int | None = None


WAIT = Number(
    name="wait",
    low=0,
    high=MAX_WAIT_SECONDS,
    meaning="seconds to wait at most for an answer",
    default=0,
)
ID = Number(name="entry_id", low=0, high=MAX_ID, meaning="the entry's id")
RUN_ID = Number(name="run_id", low=0, high=MAX_ID, meaning="the run's id")
PRODUCT_ID = Number(name="product_id", low=0, high=MAX_ID, meaning="the product's id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One request: `name` is that of the method that answers it, and of the operation in OpenAPI.

    That method gets the `place` in the path, the numbers of the `query` and the `body` by name.
    `errors` are the statuses it may answer with besides 400 and 405 for what is malformed, 500,
    and 503 while the daemon cannot answer. `reply` None: a text. `unwell`: 503 comes with the
    reply, too. `seconds`: how long it may take to answer. `at_once`: of so many requests.
    `example`: a body, and `example_query` a query, as the documentation shows them.
    """

    name: str
    method: str
    path: str
    summary: str
    reply: type[BaseModel] | None
    body: type[BaseModel] | None = None
    query: tuple[Number, ...] = ()
    place: Number | None = None
    errors: tuple[int, ...] = ()
    unwell: bool = False
    seconds: int = 0
    at_once: int | None = None
    example: str = ""
    example_query: str = ""

    def target(self, place: int | None = None, **query: int) -> str:
        """Path and query of a request."""
        name = "" if self.place is None else self.place.name
        path = self.path.replace(f"{{{name}}}", str(place))
        return f"{path}?{urlencode(query)}" if query else path


ENDPOINTS = (
    Endpoint(
        name="status",
        method="GET",
        path="/v1/status",
        summary="What the daemon is doing now",
        reply=StatusReply,
    ),
    Endpoint(
        name="health",
        method="GET",
        path="/v1/health",
        summary="Whether all is well; if not, why, with status 503",
        reply=HealthReply,
        unwell=True,
    ),
    Endpoint(
        name="metrics",
        method="GET",
        path="/metrics",
        summary="What is counted, for Prometheus",
        reply=None,
    ),
    Endpoint(
        name="start_run",
        method="POST",
        path="/v1/runs",
        summary="Start, join or queue a run",
        body=StartRunBody,
        example='{"product_ids": [18, 42], "phases": ["new_tests"]}',
        reply=StartRunReply,
    ),
    Endpoint(
        name="run",
        method="GET",
        path="/v1/runs/{run_id}",
        summary="One run, after waiting for its end",
        place=RUN_ID,
        query=(WAIT,),
        example_query="wait=20",
        reply=RunView,
        errors=(404,),
    ),
    Endpoint(
        name="cancel",
        method="DELETE",
        path="/v1/runs/current",
        summary="End the run at work",
        reply=WordReply,
    ),
    Endpoint(
        name="cancel_product",
        method="DELETE",
        path="/v1/runs/current/products/{product_id}",
        summary="Leave one product out of the rest of the run at work",
        place=PRODUCT_ID,
        reply=WordReply,
        errors=(404,),
    ),
    Endpoint(
        name="events",
        method="GET",
        path="/v1/events",
        summary="What happened: rows of sync_events, in order",
        query=(
            Number(name="since", low=0, high=MAX_ID, meaning="only events after this id"),
            Number(name="run", low=1, high=MAX_ID, meaning="only events of this run"),
            Number(name="limit", low=1, high=MAX_EVENTS, meaning="at most so many", default=50),
            WAIT,
        ),
        example_query="since=4711&limit=100&wait=20",
        reply=EventsReply,
    ),
    Endpoint(
        name="fetch",
        method="POST",
        path="/v1/fetch",
        summary="Fetch single products, tests or their parts, if they are not known well enough",
        body=FetchBody,
        example='{"kind": "bugs", "test_ids": [4711], "not_before": "2026-01-31T08:00:00Z"}',
        reply=FetchReply,
        seconds=MAX_WAIT_SECONDS,
        at_once=2,
    ),
    Endpoint(
        name="pause",
        method="POST",
        path="/v1/pause",
        summary="No periodic runs, for a time or until resumed",
        body=PauseBody,
        example='{"seconds": 7200}',
        reply=WordReply,
    ),
    Endpoint(
        name="resume",
        method="POST",
        path="/v1/resume",
        summary="Periodic runs again",
        reply=WordReply,
    ),
    Endpoint(
        name="interval",
        method="POST",
        path="/v1/interval",
        summary="Seconds from one periodic run to the next",
        body=IntervalBody,
        example='{"seconds": 300}',
        reply=ChoiceReply,
    ),
    Endpoint(
        name="concurrency",
        method="POST",
        path="/v1/concurrency",
        summary="Requests to the remote under way at once",
        body=ConcurrencyBody,
        example='{"requests": 5}',
        reply=ChoiceReply,
    ),
    Endpoint(
        name="rate",
        method="POST",
        path="/v1/rate",
        summary="Requests to the remote a second, at most",
        body=RateBody,
        example='{"per_second": 10}',
        reply=ChoiceReply,
    ),
    Endpoint(
        name="reload",
        method="POST",
        path="/v1/reload",
        summary="Read configuration and token again; what is bad is not taken up",
        reply=ReloadReply,
        errors=(409,),
        seconds=MAX_WAIT_SECONDS,
    ),
    Endpoint(
        name="accept_deletions",
        method="POST",
        path="/v1/deletions/{entry_id}/accept",
        summary="Mark the rows of a held set as deleted",
        place=ID,
        reply=DecisionReply,
        errors=(404,),
    ),
    Endpoint(
        name="retry_problems",
        method="POST",
        path="/v1/problems/retry",
        summary="Try open problems again now",
        body=RetryBody,
        example='{"ids": [3, 4]}',
        reply=RetryReply,
        errors=(404,),
    ),
    Endpoint(
        name="clear_problem",
        method="POST",
        path="/v1/problems/{entry_id}/clear",
        summary="Set a record that cannot be used aside",
        place=ID,
        reply=DecisionReply,
        errors=(404,),
    ),
    Endpoint(
        name="drain",
        method="POST",
        path="/v1/drain",
        summary="Stop the daemon; a run at work is cancelled",
        reply=WordReply,
    ),
)

BY_NAME = {endpoint.name: endpoint for endpoint in ENDPOINTS}
