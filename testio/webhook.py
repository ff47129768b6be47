"""Posts a document to an address of the user's, which is no part of the remote.

A session of its own: no token, no cookies, no proxy, no redirects. Errors never hold the URL, whose
path is often the only secret that protects it.
"""

from __future__ import annotations

import contextlib

import requests
import urllib3.exceptions

from config.secrets import hide_url
from testio.answers import root_cause
from testio.deadlines import DEADLINE, Deadlines, LiveCall, WatchedAdapter
from testio.errors import Cancelled

HEADERS = {"Content-Type": "application/json", "User-Agent": "testio-sync"}


class WebhookFailed(Exception):
    """The document did not arrive; the text says why."""


class Webhook:
    """One address; for one thread. `close` may be called by any, and cuts what is under way."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        with contextlib.suppress(requests.RequestException, ValueError):  # `post` tells of it
            # As it is sent it may be spelled otherwise: this is what the logs of libraries show.
            hide_url(requests.Request("POST", url).prepare().url or "")
        self._deadlines = Deadlines()
        self._session = requests.Session()
        self._session.trust_env = False
        for prefix in ("https://", "http://"):
            self._session.mount(prefix, WatchedAdapter(max_retries=0))

    def post(self, body: bytes) -> None:
        """Send it; returns once the other side has said that it took it. Raises WebhookFailed."""
        call = LiveCall()
        try:
            with self._deadlines.watching(call, self._timeout):
                status = self._exchange(body)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,  # a host name that cannot be one
        ) as error:
            if call.cut_because == DEADLINE or isinstance(error, requests.Timeout):
                raise WebhookFailed(f"no answer within {self._timeout:g} s") from error
            raise WebhookFailed(f"not reached: {root_cause(error)}") from error
        except Cancelled as error:
            raise WebhookFailed("not sent: the daemon ends") from error
        if 300 <= status < 400:
            raise WebhookFailed(f"it answered with {status}; redirects are not followed")
        if not 200 <= status < 300:
            raise WebhookFailed(f"it answered with {status}")

    def _exchange(self, body: bytes) -> int:
        with contextlib.closing(
            self._session.post(
                self._url,
                data=body,
                headers=HEADERS,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,  # what it says beyond the status is not read
            )
        ) as response:
            self._session.cookies.clear()
            return response.status_code

    def close(self) -> None:
        """Cut what is under way. Never raises."""
        self._deadlines.close()
        self._session.close()
