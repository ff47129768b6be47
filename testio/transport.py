"""One GET, as often as it takes and no longer: limits, deadline, retries, typed errors.

Rules 12 and 13: full jitter between attempts, a total deadline for each, a budget for the run, a
shared gate for `Retry-After`. A redirect is an error: the token goes to one host only.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode, urlsplit

import requests
import structlog
import tenacity
import urllib3.exceptions
from requests.structures import CaseInsensitiveDict

from rules.run.remote_state import RemoteState
from testio.answers import (
    error_of_status,
    read_body,
    read_said,
    redirect_host,
    retry_after_seconds,
    root_cause,
)
from testio.cancellation import Cancellation
from testio.deadlines import DEADLINE, Deadlines, LiveCall, WatchedAdapter
from testio.errors import (
    BadPayload,
    Cancelled,
    ConnectionFailed,
    ServerError,
    TestioError,
    Timeout,
)
from testio.limits import Breaker, RateLimit, RequestScope, RetryAfterGate, Slots
from testio.said import without_token
from testio.tally import AttemptCounts

log = structlog.get_logger(__name__)

ATTEMPTS = 4
LONGEST_RETRY_AFTER = 300.0
SAID_SECONDS = 2.0
"""How long the body of an error is waited for; its status has come already."""
MOST_CONNECTIONS = 64
"""Connections kept for the next request; `Slots` says how many are used."""

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "testio-sync",
}

Query = Sequence[tuple[str, str | int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """How to reach the remote. Seconds and bytes; `requests_per_second` 0 means no limit."""

    base_url: str
    token: Callable[[], str]
    connections: int = 10
    timeout_seconds: float = 60.0
    requests_per_second: int = 0
    max_response_bytes: int = 64 * 1024 * 1024
    proxy_url: str | None = None
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked for; `owner`: whose trouble a failure is, for the breaker.

    `retry_slow`: what is too slow is asked for again as it is, not in smaller pieces.
    """

    path: str
    query: Query
    owner: str
    retry_slow: bool


class Transport:
    """Sends requests for any number of threads at once.

    `remote_date` is the `Date` header of the last answer, for who wants to compare clocks.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._options = options
        self._base = options.base_url.rstrip("/")
        self._deadlines = Deadlines()
        self._rate = RateLimit(options.requests_per_second)
        # Workers never fill more, but read-through sends beside them.
        self._slots = Slots(options.connections)
        self.gate = RetryAfterGate()
        self.breaker = Breaker()
        self.remote_date: str | None = None
        self.tally = AttemptCounts()
        self._adapter = WatchedAdapter(
            pool_connections=2, pool_maxsize=MOST_CONNECTIONS, max_retries=0
        )
        # Plain http goes to this machine, and not by way of a proxy, which would read the token.
        self._proxies = {"https": options.proxy_url} if options.proxy_url else None

    def get(
        self,
        path: str,
        query: Query,
        scope: RequestScope,
        *,
        patient: bool = True,
        retry_slow: bool = True,
        owner: str | None = None,
    ) -> bytes:
        """The body of the answer to `GET base_url + path?query`. Raises TestioError.

        Not `patient`: a 5xx is not tried again. Not `retry_slow`: nor is a Timeout, as the caller
        can ask for less. `owner`: the path that stands for this one in the breaker, where it is a
        part of it.
        """
        ask = _Ask(path, query, owner or path, retry_slow)
        try:
            return self._attempt(ask, scope)
        except TestioError as error:
            return self._retry(error, ask, scope, patient=patient)

    def _retry(
        self,
        failure: TestioError,
        ask: _Ask,
        scope: RequestScope,
        *,
        patient: bool,
    ) -> bytes:
        """What is done about a first attempt that has failed; most requests never get here."""
        failures = [failure]

        def attempt() -> bytes:
            if failures:
                raise failures.pop()
            return self._attempt(ask, scope)

        return tenacity.Retrying(
            stop=tenacity.stop_any(tenacity.stop_after_attempt(ATTEMPTS), _OutOfBudget(scope)),
            wait=tenacity.wait_random_exponential(
                multiplier=self._options.first_pause_seconds,
                max=self._options.longest_pause_seconds,
            ),
            retry=tenacity.retry_if_exception(
                functools.partial(_may_retry, patient=patient, retry_slow=ask.retry_slow)
            ),
            sleep=scope.cancellation.sleep,
            before_sleep=self._retrying(ask.path, scope),
            reraise=True,
        )(attempt)

    def allow(
        self,
        *,
        connections: int,
        requests_per_second: int,
        timeout_seconds: float,
        max_response_bytes: int,
    ) -> None:
        """From now on these limits; requests under way go on as they began."""
        self._options = replace(
            self._options, timeout_seconds=timeout_seconds, max_response_bytes=max_response_bytes
        )
        self._slots.resize(connections)
        self._rate.change(requests_per_second)

    @property
    def timeout_seconds(self) -> float:
        """How long one attempt may take now."""
        return self._options.timeout_seconds

    def state(self) -> RemoteState:
        """What was sent so far, and the limits as they are now."""
        results, retries, in_flight = self.tally.counted()
        breaker, open_seconds, last_failure = self.breaker.state()
        return RemoteState(
            results=results,
            retries=retries,
            in_flight=in_flight,
            connections=self._slots.size,
            requests_per_second=self._rate.per_second,
            parked_seconds=round(self.gate.seconds_left, 1),
            breaker=breaker,
            open_seconds=round(open_seconds, 1),
            last_failure=last_failure,
        )

    def close(self) -> None:
        """Cut all requests under way and close all connections."""
        self._deadlines.close()
        self._adapter.close()

    def _attempt(self, ask: _Ask, scope: RequestScope) -> bytes:
        try:
            return self._try(ask, scope.cancellation)
        finally:
            scope.attempts.note()

    def _try(self, ask: _Ask, cancellation: Cancellation) -> bytes:
        """One attempt. Limits are asked with a slot in hand: what held a while ago may not now."""
        cancellation.check()
        with self._slots.taken(cancellation):
            self.breaker.admit(ask.owner, cancellation)
            return self._admitted(ask, cancellation)

    def _admitted(self, ask: _Ask, cancellation: Cancellation) -> bytes:
        try:
            self._wait_for_turn(cancellation)
            with self.tally.attempt():
                answer = self._send(ask, cancellation)
        except (ServerError, Timeout, ConnectionFailed) as error:
            asks_for_less = isinstance(error, Timeout) and not ask.retry_slow
            note = self.breaker.too_slow if asks_for_less else self.breaker.failed
            note(ask.owner, error)
            raise
        except Cancelled:
            self.breaker.gave_up(ask.owner)
            raise
        except TestioError:
            self.breaker.succeeded()
            raise
        except BaseException:
            self.breaker.gave_up(ask.owner)
            raise
        self.breaker.succeeded()
        return answer

    def _retrying(
        self, path: str, scope: RequestScope
    ) -> Callable[[tenacity.RetryCallState], None]:
        def note(state: tenacity.RetryCallState) -> None:
            self.tally.retried()
            error = state.outcome.exception() if state.outcome else None
            scope.retried.note(str(error))
            log.info(
                "request_retried",
                path=path,
                attempt=state.attempt_number,
                error=str(error),
                pause_seconds=round(state.upcoming_sleep, 3),
            )

        return note

    def _wait_for_turn(self, cancellation: Cancellation) -> None:
        """Wait until the gate is open and the rate allows it, both at once."""
        while True:
            self.gate.wait(cancellation)
            self._rate.wait(cancellation)
            if self.gate.seconds_left == 0:
                return

    def _send(self, ask: _Ask, cancellation: Cancellation) -> bytes:
        call, token = LiveCall(), self._options.token()
        with (
            self._deadlines.watching(call, self._options.timeout_seconds),
            cancellation.calling(lambda: call.cut("cancelled")),
        ):
            try:
                answer = self._exchange(ask, token, call)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                raise self._typed(error, call) from error
            except TestioError as error:
                if call.cut_because in (None, DEADLINE):
                    raise  # a status that came in time stays what it is, whatever its body does
                raise self._typed(error, call) from error
            if call.cut_because is not None:
                # A body that ends with its connection looks complete where we cut it.
                raise self._typed(OSError("cut"), call)
            return answer

    def _exchange(self, ask: _Ask, token: str, call: LiveCall) -> bytes:
        options = self._options
        url = f"{self._base}{ask.path}" + (f"?{urlencode(ask.query)}" if ask.query else "")
        with contextlib.closing(
            self._adapter.send(
                _prepared(url, token),
                stream=True,
                # The deadline ends reading: a timeout of the socket would cost a poll a read.
                timeout=(options.timeout_seconds, None),
                proxies=self._proxies,
            )
        ) as response:
            self.remote_date = response.headers.get("Date")
            if not 200 <= response.status_code < 300:
                raise self._refusal(response, token, call)
            return without_token(read_body(response, options.max_response_bytes), token)

    def _refusal(self, response: requests.Response, token: str, call: LiveCall) -> TestioError:
        """What is wrong with an answer of such a status."""
        status = response.status_code
        if status == 304:
            return BadPayload("the remote answered that nothing changed (304) to a plain request")
        if 300 <= status < 400:
            return BadPayload(
                f"redirected to host {redirect_host(response, token)!r}; redirects are not followed"
            )
        if status in (429, 503):
            self._park(response)
        self._deadlines.hasten(call, SAID_SECONDS)
        return error_of_status(status, read_said(response, token))

    def _park(self, response: requests.Response) -> None:
        asked = retry_after_seconds(response.headers.get("Retry-After"), now=time.time())
        if asked is None:
            return
        seconds = min(asked, LONGEST_RETRY_AFTER)
        self.gate.close_for(seconds)
        log.warning(
            "remote_asked_to_wait",
            http_status=response.status_code,
            asked_seconds=asked,
            waiting_seconds=seconds,
        )

    def _typed(self, error: Exception, call: LiveCall) -> TestioError:
        host = urlsplit(self._base).netloc.rpartition("@")[2]
        if call.cut_because == DEADLINE or isinstance(
            error, requests.Timeout | urllib3.exceptions.TimeoutError
        ):
            return Timeout(f"no complete answer from {host} in {self._options.timeout_seconds:g} s")
        if call.cut_because is not None:
            return Cancelled(f"the request was cut: {call.cut_because}")
        return ConnectionFailed(f"connection to {host} failed: {root_cause(error)}")


def _prepared(url: str, token: str) -> requests.PreparedRequest:
    """A request as it is sent, without what a session would look up for each one.

    No session means: no cookies, no settings of the environment, no redirect ever followed.
    """
    request = requests.PreparedRequest()
    request.method, request.url, request.headers = "GET", url, _headers(token)
    return request


@functools.lru_cache(maxsize=2)
def _headers(token: str) -> CaseInsensitiveDict[str]:
    """The same for every request; nobody changes them."""
    return CaseInsensitiveDict(HEADERS, Authorization=f"Token {token}")


def _may_retry(error: BaseException, *, patient: bool, retry_slow: bool) -> bool:
    """Whether to try again; not where the failure is expected, and so an answer."""
    if not isinstance(error, TestioError) or not error.retryable:
        return False
    is_answer = (isinstance(error, ServerError) and not patient) or (
        isinstance(error, Timeout) and not retry_slow
    )
    return not is_answer


class _OutOfBudget(tenacity.stop.stop_base):
    """Stop where the run has no retries left; asked once for each retry that would follow."""

    def __init__(self, scope: RequestScope) -> None:
        self._scope = scope

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:  # noqa: ARG002
        return not self._scope.retries.take()
