"""The simulated Customer API v2: what each endpoint answers."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import orjson

from simulator.account import Shelf
from simulator.details import bugs, with_metrics
from simulator.fault_book import MetFaults
from simulator.http import Reply, Request, error_reply
from simulator.list_faults import features_met, shelf_met, tests_met
from simulator.options import PlainFeatures
from simulator.problems import InvalidInputError, UnknownIdError
from simulator.reply_faults import distort_reply, slowed_by_rows
from simulator.row_faults import distort_rows
from simulator.rows import TestRow, envelope
from simulator.world import World

PREFIX = "/customer/v2"
DEFAULT_PER_PAGE = 25
UNPAGED_TESTS = 150
UNSUPPORTED_BUG_FILTERS = ("filter_section_ids", "export_status")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to one endpoint, with the ids from its path and the faults it meets."""

    query: Mapping[str, list[str]]
    ids: Mapping[str, int]
    met: MetFaults

    def number(self, name: str) -> int | None:
        """A positive integer from the query, or None where it is missing.

        Raises:
            InvalidInputError: it is something else.
        """
        if name not in self.query:
            return None
        number = _positive(self.query[name][-1])
        if number is None:
            raise InvalidInputError(name, "must be a positive integer")
        return number

    @property
    def wants_stories(self) -> bool:
        """Whether user stories are asked for as objects."""
        return "user_stories" in self.query.get("includes[]", ())

    def numbers(self, name: str) -> set[int] | None:
        """Positive integers, repeated or separated by commas, or None where it is missing.

        Raises:
            InvalidInputError: one of them is something else.
        """
        if name not in self.query:
            return None
        numbers = {_positive(text.strip()) for text in ",".join(self.query[name]).split(",")}
        if None in numbers:
            raise InvalidInputError(name, "must hold positive integers")
        return {number for number in numbers if number is not None}


class Api:
    """Answers requests from a world's account, in good order or through its faults."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Reply:
        """The reply to any request outside the control endpoints."""
        reply = self._distorted(request)
        latency = self._world.options.latency_seconds
        if latency:
            delay = reply.manner.delay_seconds + latency
            reply = replace(reply, manner=replace(reply.manner, delay_seconds=delay))
        return reply

    def _distorted(self, request: Request) -> Reply:
        limit = self._world.rate_limit
        if limit is not None and (wait := limit.wait_seconds()):
            return error_reply(429, "too many requests", ("Retry-After", str(wait)))
        path = request.path.removeprefix(PREFIX)
        endpoint, ids = _find(path) if path != request.path else (None, {})
        page = _positive(request.query.get("page", [""])[-1])
        met = self._world.faults.meeting(path, self._product_id(ids), page)
        call = Call(request.query, ids, met)
        return distort_reply(met, lambda: self._checked(request, endpoint, call))

    def _checked(self, request: Request, endpoint: "Endpoint | None", call: Call) -> Reply:
        if not self._world.token.opens(request.headers.get("authorization", "")):
            return error_reply(401, "a valid API token is required")
        if endpoint is None:
            return error_reply(404, "no such endpoint")
        if request.method != "GET":
            return error_reply(405, "only GET is supported here", ("Allow", "GET"))
        try:
            return endpoint(self, call)
        except UnknownIdError as error:
            return error_reply(404, str(error))
        except InvalidInputError as error:
            return error_reply(400, str(error))

    def _product_id(self, ids: Mapping[str, int]) -> int | None:
        if "test" in ids:
            try:
                return self._world.account.shelf_of_test(ids["test"]).product.id
            except UnknownIdError:
                return None
        return ids.get("product")

    def _shelf(self, call: Call) -> Shelf:
        return shelf_met(call.met, self._world.account, call.ids["product"])

    def _products(self, call: Call) -> Reply:
        wanted = call.numbers("filter[product_ids][]")
        shelves = self._world.account.shelves
        chosen = [shelf.product for shelf in shelves.values()]
        if wanted is not None:
            chosen = [product for product in chosen if product.id in wanted]
        return _listing(call, "products", (product.encoded for product in chosen))

    def _product(self, call: Call) -> Reply:
        return Reply(body=b'{"product":%b}' % self._shelf(call).product.encoded)

    def _features(self, call: Call) -> Reply:
        shelf, habit = self._shelf(call), self._world.options.plain_features_for_sections
        if shelf.product.has_sections and habit is PlainFeatures.ERROR:
            raise UnknownIdError("features of this product are listed by section")
        if shelf.product.has_sections and habit is PlainFeatures.EMPTY:
            return _listing(call, "features", ())
        return self._feature_listing(call, shelf, None)

    def _section_features(self, call: Call) -> Reply:
        shelf, section_id = self._shelf(call), call.ids["section"]
        if section_id not in shelf.product.section_ids:
            raise UnknownIdError(f"no section {section_id}")
        return self._feature_listing(
            call, shelf, section_id if shelf.product.has_sections else None
        )

    def _feature_listing(self, call: Call, shelf: Shelf, section_id: int | None) -> Reply:
        detailed, told = call.wants_stories, self._world.options.section_ids_in_lists
        rows = (
            feature.told(detailed=detailed, with_sections=told)
            for feature in features_met(call.met, self._world.account, shelf)
            if section_id is None or section_id in (feature.section_ids or ())
        )
        return _listing(call, "features", rows)

    def _tests(self, call: Call) -> Reply:
        shelf, met = self._shelf(call), call.met
        page, size = call.number("page"), call.number("per_page") or DEFAULT_PER_PAGE
        start = 0
        if (ignored := met.take("ignored_paging")) is not None:
            size = ignored.rows or max(1, len(shelf.listing))
        elif page is None:
            size = UNPAGED_TESTS
        else:
            size = min(size, self._world.options.max_per_page or size)
            if (clamp := met.take("clamp")) is not None:
                size = min(size, clamp.per_page or size)
            start = (page - 1) * size
        window = tests_met(met, self._world.account, shelf, size)[start : start + size]
        return _poisoned(call, window) or _listing(
            call, "exploratory_tests", (test.encoded for test in window)
        )

    def _test(self, call: Call) -> Reply:
        test_id = call.ids["test"]
        test = self._world.account.shelf_of_test(test_id).tests[test_id]
        shelf = self._world.account.shelf_of_test(test_id)
        stories = shelf.stories() if call.wants_stories else None
        told = with_metrics(self._world.options.seed, test.data, stories)
        body = orjson.dumps({"exploratory_test": told})
        return _poisoned(call, [test]) or Reply(body=body)

    def _bugs(self, call: Call) -> Reply:
        for name in UNSUPPORTED_BUG_FILTERS:
            if name in call.query:
                raise InvalidInputError(name, "is not supported by the simulator")
        tests, products = call.numbers("filter_test_cycle_ids"), call.numbers("filter_product_ids")
        chosen = [
            test
            for shelf in self._world.account.shelves.values()
            if products is None or shelf.product.id in products
            for test in shelf.listing
            if tests is None or test.id in tests
        ]
        seed = self._world.options.seed
        rows = chain.from_iterable(bugs(seed, test.id) for test in chosen)
        return _poisoned(call, chosen) or _listing(call, "bugs", map(orjson.dumps, rows))


Endpoint = Callable[[Api, Call], Reply]
_ID = "[0-9]{1,18}"
_PRODUCT = f"/products/(?P<product>{_ID})"
_ENDPOINTS: tuple[tuple[re.Pattern[str], Endpoint], ...] = (
    (re.compile(f"{_PRODUCT}/exploratory_tests"), Api._tests),
    (re.compile(f"{_PRODUCT}/features"), Api._features),
    (re.compile(f"{_PRODUCT}/sections/(?P<section>{_ID})/features"), Api._section_features),
    (re.compile(_PRODUCT), Api._product),
    (re.compile("/products"), Api._products),
    (re.compile(f"/exploratory_tests/(?P<test>{_ID})"), Api._test),
    (re.compile("/bugs"), Api._bugs),
)


def _find(path: str) -> tuple[Endpoint | None, dict[str, int]]:
    for pattern, endpoint in _ENDPOINTS:
        if (match := pattern.fullmatch(path)) is not None:
            return endpoint, {name: int(text) for name, text in match.groupdict().items()}
    return None, {}


def _positive(text: str) -> int | None:
    # Python refuses to convert endless digits, so the length is limited with the rest.
    return int(text) if re.fullmatch("[1-9][0-9]{0,17}", text) else None


def _listing(call: Call, key: str, rows: Iterable[bytes]) -> Reply:
    if not call.met.faults:
        return Reply(body=envelope(key, rows))
    rows = list(rows)
    slow = call.met.take("slow_rows") if rows else None
    reply = Reply(body=envelope(key, distort_rows(call.met, rows)))
    return reply if slow is None else slowed_by_rows(slow, len(rows), reply)


def _poisoned(call: Call, window: list[TestRow]) -> Reply | None:
    """500 if a poisoned test stands in the window."""
    for fault in call.met.of_kind("poison"):
        if any(test.id == fault.test_id for test in window):
            call.met.book.spend(fault)
            return error_reply(500, "something went wrong")
    return None
