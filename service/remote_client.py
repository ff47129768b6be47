"""The client of the remote that the settings describe; apart, because it loads fast."""

from __future__ import annotations

from pydantic import SecretStr

from config.settings import Settings
from testio.client import TestioClient
from testio.transport import TransportOptions


def make_client(settings: Settings, token: SecretStr) -> TestioClient:
    """The client of the remote that the settings describe."""
    return TestioClient(
        TransportOptions(
            base_url=settings.base_url,
            token=token.get_secret_value,
            connections=settings.max_concurrent_api_requests,
            timeout_seconds=settings.http_timeout_seconds,
            requests_per_second=settings.requests_per_second,
            max_response_bytes=settings.max_response_mb * 1024 * 1024,
            proxy_url=settings.proxy_url,
        )
    )
