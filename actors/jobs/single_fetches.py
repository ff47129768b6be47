"""Tests fetched one by one: those that a list lacks, and those that can still change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.ports import RemoteClient
from rules.model import ErrorKind
from rules.records import TestRecord
from testio.errors import BadPayload, Forbidden, NotFound, ServerError, TestioError, Timeout
from testio.limits import RequestScope

MAX_SINGLE_FETCHES = 500
"""Tests fetched one by one for one product in one run; the rest wait for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of it: those that are there, the ids of those gone (404), how many are left."""

    records: tuple[TestRecord, ...] = ()
    gone: tuple[int, ...] = ()
    left: int = 0


class TestsNotRefreshed(TestioError):
    """Single fetches failed although the list could be read."""

    kind = ErrorKind.UNCONFIRMED


def look_for(
    client: RemoteClient, product_id: int, test_ids: Sequence[int], scope: RequestScope
) -> Found:
    """Fetch these tests. A failure of one of them leaves it for later; nothing follows from it.

    Raises TestioError where no other fetch can do better either.
    """
    records: list[TestRecord] = []
    gone: list[int] = []
    for test_id in test_ids[:MAX_SINGLE_FETCHES]:
        try:
            records.append(client.get_test(test_id, product_id, scope))
        except NotFound:
            gone.append(test_id)
        except (ServerError, Timeout, Forbidden, BadPayload):
            continue
    left = len(test_ids) - len(records) - len(gone)
    return Found(records=tuple(records), gone=tuple(gone), left=left)
