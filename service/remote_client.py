"""The client of the remote that the settings describe; apart, because it loads fast."""

from __future__ import annotations

from collections.abc import Callable

from config.settings import Settings
from testio.client import TestioClient
from testio.transport import TransportOptions


def make_client(settings: Settings, token: Callable[[], str]) -> TestioClient:
    """The client of the remote that the settings describe; `token` is asked for each request."""
    return TestioClient(
        TransportOptions(
            base_url=settings.base_url,
            token=token,
            connections=settings.max_concurrent_api_requests,
            timeout_seconds=settings.http_timeout_seconds,
            requests_per_second=settings.requests_per_second,
            max_response_bytes=settings.max_response_bytes,
            proxy_url=settings.proxy_url,
        )
    )
