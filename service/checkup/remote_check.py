"""Asks the remote for its product list once, to see whether URL, token and network are right."""

from __future__ import annotations

import email.utils
import time

from pydantic import SecretStr

from config.settings import Settings
from rules.diagnosis.of_machine import RemoteSeen
from service.remote_client import make_client
from testio.client import TestioClient
from testio.errors import TestioError
from testio.limits import RequestScope, RetryBudget


def ask_remote(settings: Settings, token: SecretStr) -> RemoteSeen:
    """What came of it. One request, no second try, so it ends within HTTP_TIMEOUT_SECONDS."""
    client = make_client(settings, token.get_secret_value)
    try:
        rows = client.list_products(RequestScope(retries=RetryBudget(0)))
        return RemoteSeen(products=len(rows.records), ahead_seconds=_ahead(client))
    except TestioError as error:
        return RemoteSeen(failure=error.kind, message=str(error), ahead_seconds=_ahead(client))
    finally:
        client.close()


def _ahead(client: TestioClient) -> float | None:
    """By how many seconds the remote's clock is ahead; None if it did not tell the time."""
    told = client.transport.remote_date
    try:
        then = email.utils.parsedate_to_datetime(told or "")
    except (ValueError, OverflowError):
        return None
    return then.timestamp() - time.time()
