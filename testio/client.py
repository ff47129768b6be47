"""The endpoints that the sync reads, each as one method that gives records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from rules.listing.windows import Window
from rules.records import BugRecord, FeatureRecord, ProductRecord, TestRecord
from rules.run.remote_state import RemoteState
from testio import payloads
from testio.errors import NotFound
from testio.limits import RequestScope
from testio.payloads import Rows
from testio.room import Room
from testio.transport import Query, Transport, TransportOptions

T = TypeVar("T")

WITH_STORIES: Query = (("includes[]", "user_stories"),)
LARGE = 256 * 1024
"""Bytes from which on an answer needs room."""


class TestioClient:
    """The Customer API for any number of threads. Every method raises TestioError.

    Each takes the scope of the run it works for: cancelling the run ends the request at once.
    """

    __test__ = False

    def __init__(self, options: TransportOptions) -> None:
        self.transport = Transport(options)
        self._room = Room()

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]:
        """All products of the account, unpaged."""
        try:
            body = self.transport.get("/products", (), scope)
            return self._made(body, payloads.products, scope, is_list=True)
        except NotFound as error:
            raise NotFound(f"{error}; check TESTIO_CUSTOMER_API_BASE_URL") from error

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]:
        """All features of a product, unpaged, by the plain endpoint."""
        body = self.transport.get(_path_of_features(product_id), WITH_STORIES, scope)
        read = partial(payloads.features, product_id=product_id)
        return self._made(body, read, scope, is_list=True)

    def list_section_features(
        self, product_id: int, section_id: int, scope: RequestScope
    ) -> Rows[FeatureRecord]:
        """The features of one section of a product, unpaged."""
        path = f"/products/{product_id}/sections/{section_id}/features"
        owner = _path_of_features(product_id)
        body = self.transport.get(path, WITH_STORIES, scope, owner=owner)
        read = partial(payloads.features, product_id=product_id)
        return self._made(body, read, scope, is_list=True)

    def list_tests(
        self,
        product_id: int,
        window: Window,
        scope: RequestScope,
        *,
        patient: bool = True,
        retry_slow: bool = True,
    ) -> Rows[TestRecord]:
        """One page of a product's tests, newest end first.

        Not `patient`: a 5xx is taken for an answer at once, because it is the expected one. Not
        `retry_slow`: so is a Timeout, because fewer rows can be asked for.
        """
        path = _path_of_tests(product_id)
        query = (("page", window.page), ("per_page", window.per_page))
        body = self.transport.get(path, query, scope, patient=patient, retry_slow=retry_slow)
        read = partial(payloads.tests, product_id=product_id, offset=window.offset)
        return self._made(body, read, scope, is_list=False)

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord:
        """One test, with its metrics and those of its user stories. NotFound: there is none.

        However many tests of a product fail, they are one sick product, and no outage.
        """
        path = f"/exploratory_tests/{test_id}"
        owner = _path_of_tests(product_id) if product_id is not None else None
        body = self.transport.get(path, WITH_STORIES, scope, owner=owner)
        read = partial(payloads.test, product_id=product_id)
        return self._made(body, read, scope, is_list=False)

    def list_bugs(
        self, test_ids: Sequence[int], scope: RequestScope
    ) -> Mapping[int, Rows[BugRecord]] | None:
        """All bugs of each of these tests, unpaged; None where it is not told whose they all are.

        One test's are always told. Those of several are asked for once: a 5xx or a Timeout is
        taken for an answer, because fewer can be asked for.
        """
        query = (("filter_test_cycle_ids", ",".join(map(str, test_ids))),)
        is_one = len(test_ids) == 1
        body = self.transport.get("/bugs", query, scope, patient=is_one, retry_slow=is_one)
        read = partial(payloads.bugs, test_ids=test_ids)
        return self._made(body, read, scope, is_list=False)

    def _made(
        self, body: bytes, read: Callable[[bytes], T], scope: RequestScope, *, is_list: bool
    ) -> T:
        """What is made of a body; of a large one as soon as there is room for it beside others.

        `is_list`: all of it is written at once, so it keeps its room until then.
        """
        size = len(body)
        if size < LARGE:
            return read(body)
        if scope.large:
            self._room.take_more(size)
        else:
            self._room.take(size, scope.cancellation, self.transport.timeout_seconds)
        try:
            made = read(body)
        except BaseException:
            self._room.give_back(size)
            raise
        if is_list:
            scope.large.hold(self._room, size)
        else:
            self._room.give_back(size)
        return made

    def allow(
        self,
        *,
        connections: int,
        requests_per_second: int,
        timeout_seconds: float,
        max_response_bytes: int,
    ) -> None:
        """From now on these limits; requests under way go on as they began."""
        self.transport.allow(
            connections=connections,
            requests_per_second=requests_per_second,
            timeout_seconds=timeout_seconds,
            max_response_bytes=max_response_bytes,
        )

    def state(self) -> RemoteState:
        """What was sent so far, and the limits as they are now."""
        return self.transport.state()

    def watch(self, observe: Callable[[float, str], None]) -> None:
        """From now on `observe` hears of each attempt: its seconds, and `ok` or how it failed."""
        self.transport.tally.observe = observe

    def close(self) -> None:
        """Cut all requests under way and close all connections."""
        self.transport.close()


def _path_of_features(product_id: int) -> str:
    return f"/products/{product_id}/features"


def _path_of_tests(product_id: int) -> str:
    return f"/products/{product_id}/exploratory_tests"
