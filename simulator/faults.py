"""Faults: what can go wrong, and how it is described."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from simulator.chunks import DEFECTS
from simulator.problems import InvalidInputError
from simulator.rows import JsonObject

LARGEST_BODY = 2**30
LONGEST_PAUSE = 3600
DEEPEST = 100_000
MOST_LAYERS = 5
ENVELOPE_SHAPES = ("list", "renamed", "null", "object")

Check = Callable[[str, object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault; of the fields after `times` it has those that its kind allows, see KINDS."""

    kind: str
    path: str = "*"
    """A glob on the path after /customer/v2; `*` matches slashes too."""
    product_id: int | None = None
    """Only requests for this product, its sections or its tests."""
    page: int | None = None
    """Only requests with this `page`."""
    times: int | None = None
    """How often it may still take effect; None is for ever."""
    id: int = 0
    status: int | None = None
    retry_after: str | None = None
    body: str | None = None
    test_id: int | None = None
    after_bytes: int | None = None
    seconds: float | None = None
    gives_up: float | None = None
    code: int | None = None
    location: str | None = None
    per_page: int | None = None
    rows: int | None = None
    bytes: int | None = None
    shape: str | None = None
    content_type: str | None = None
    layers: int | None = None
    defect: str | None = None
    charset: str | None = None
    half: bool | None = None
    other_id: int | None = None
    feature_id: int | None = None
    by: str | None = None
    depth: int | None = None

    def matches(self, path: str, product_id: int | None, page: int | None) -> bool:
        """Whether a request is within the fault's path, product and page."""
        return (
            (self.page is None or self.page == page)
            and (self.product_id is None or self.product_id == product_id)
            and (self.path == "*" or fnmatchcase(path, self.path))
        )

    def as_json(self) -> JsonObject:
        """The fault as the control endpoint shows it, without the fields its kind lacks."""
        shown = (*_COMMON, *_kind(self.kind))
        return {"id": self.id} | {name: getattr(self, name) for name in shown}


def _whole(low: int, high: int = 2**63 - 1) -> Check:
    def check(field: str, value: object) -> None:
        if type(value) is not int or not low <= value <= high:
            raise InvalidInputError(field, f"must be an integer from {low} to {high}")

    return check


def _seconds(field: str, value: object) -> None:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1
    if not 0 <= number <= LONGEST_PAUSE:
        raise InvalidInputError(field, f"must be a number of seconds from 0 to {LONGEST_PAUSE}")


def _text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidInputError(field, "must be a string")


def _header(field: str, value: object) -> None:
    if not isinstance(value, str) or re.fullmatch(r"[\x20-\x7e]*", value) is None:
        raise InvalidInputError(
            field, "must be a string of printable ASCII, as it goes in a header"
        )


def _one_of(*allowed: object) -> Check:
    def check(field: str, value: object) -> None:
        if value not in allowed:
            raise InvalidInputError(field, f"must be one of {', '.join(map(str, allowed))}")

    return check


def _charset(field: str, value: object) -> None:
    try:
        "".encode(value if isinstance(value, str) else "")
    except (LookupError, ValueError) as error:
        raise InvalidInputError(field, "must be the name of a charset") from error


_CHECKS: Mapping[str, Check] = {
    "path": _text,
    "product_id": _whole(1),
    "page": _whole(1),
    "times": _whole(1),
    "status": _whole(200, 599),
    "retry_after": _header,
    "body": _text,
    "test_id": _whole(1),
    "after_bytes": _whole(0),
    "seconds": _seconds,
    "gives_up": _seconds,
    "code": _whole(102, 199),
    "location": _header,
    "per_page": _whole(1),
    "rows": _whole(1),
    "bytes": _whole(1, LARGEST_BODY),
    "shape": _one_of(*ENVELOPE_SHAPES),
    "content_type": _header,
    "layers": _whole(1, MOST_LAYERS),
    "defect": _one_of(*DEFECTS),
    "charset": _charset,
    "half": _one_of(True, False),
    "other_id": _whole(1),
    "feature_id": _whole(1),
    "by": _one_of("request", "per_page"),
    "depth": _whole(1, DEEPEST),
}
_COMMON = ("kind", "path", "product_id", "page", "times")
_REQUIRED = object()

KINDS: Mapping[str, Mapping[str, Any]] = {
    "status": {"status": _REQUIRED, "retry_after": None, "body": None},
    "poison": {"test_id": _REQUIRED},
    "reset": {"after_bytes": None},
    "truncate": {"after_bytes": None},
    "garbage": {},
    "invalid_json": {},
    "wrong_types": {"rows": None},
    "bad_envelope": {"shape": "list"},
    "gatekeeper": {"status": 403},
    "slow": {"seconds": _REQUIRED},
    "slow_rows": {"seconds": _REQUIRED, "gives_up": None},
    "interim": {"code": 103},
    "drip": {"seconds": _REQUIRED},
    "hang": {},
    "endless_head": {"seconds": 0.0},
    "overlong": {"bytes": 100},
    "chunked": {"defect": "none"},
    "hang_up": {"seconds": 0.0, "half": False},
    "redirect": {"location": _REQUIRED, "status": 302},
    "unsorted": {},
    "stray": {"test_id": _REQUIRED},
    "stray_feature": {"feature_id": _REQUIRED},
    "another_list": {"other_id": _REQUIRED},
    "loose_ties": {"by": "request"},
    "nulls_last": {},
    "ignored_paging": {"rows": None},
    "no_product": {"rows": None},
    "sent_twice": {},
    "null_end_dates": {"rows": None},
    "clamp": {"per_page": _REQUIRED},
    "anonymous_bugs": {"test_id": None},
    "omit_rows": {"rows": 1},
    "repeat_rows": {"rows": 1},
    "odd_ids": {"rows": None},
    "nested": {"rows": 1, "depth": 2000},
    "duplicate_keys": {"rows": 1},
    "nan": {"rows": 1},
    "surrogate": {"rows": 1},
    "bom": {},
    "charset": {"charset": _REQUIRED},
    "gzip_bomb": {"bytes": _REQUIRED, "layers": 1},
    "huge": {"bytes": _REQUIRED},
    "content_type": {"content_type": "text/plain"},
}
"""Every kind with the fields it has besides the common ones, and their defaults."""


def parse_fault(given: object) -> Fault:
    """A fault from its JSON form; fields that are null count as left out.

    Raises:
        InvalidInputError: a field is missing, unknown or out of range; the error names it.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError("fault", "must be a JSON object")
    values = {str(name): value for name, value in given.items() if value is not None}
    allowed = _kind(values.get("kind"))
    for name, value in values.items():
        if name not in _COMMON and name not in allowed:
            raise InvalidInputError(name, f"is not a field of the fault {values['kind']}")
        if name != "kind":
            _CHECKS[name](name, value)
    for name, default in allowed.items():
        if default is _REQUIRED and name not in values:
            raise InvalidInputError(name, f"is required by the fault {values['kind']}")
    defaults = {name: default for name, default in allowed.items() if default is not _REQUIRED}
    return Fault(**{**defaults, **values})


def _kind(name: object) -> Mapping[str, Any]:
    if not isinstance(name, str) or name not in KINDS:
        raise InvalidInputError("kind", f"must be one of {', '.join(KINDS)}")
    return KINDS[name]
