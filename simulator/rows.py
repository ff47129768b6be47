"""Rows as the API sends them, kept serialised so that answering a page is joining bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self, TypeAlias

import orjson

from simulator.problems import InvalidInputError

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One product, feature or test."""

    id: int
    encoded: bytes
    """The row as one JSON object."""

    @property
    def data(self) -> JsonObject:
        """A fresh copy of the row as a dictionary."""
        data: JsonObject = orjson.loads(self.encoded)
        return data

    @classmethod
    def of(cls, data: JsonObject) -> Self:
        """Serialise `data`, which must hold an integer `id`."""
        return cls(data["id"], orjson.dumps(data))


@dataclass(frozen=True, slots=True)
class ProductRow(Row):
    """A product, with the ids of its sections at hand."""

    section_ids: frozenset[int]
    """All sections, the default one included."""
    has_sections: bool

    @classmethod
    def of(cls, data: JsonObject) -> Self:
        """Serialise a product; its section lists decide whether it has sections."""
        own, everything = data["sections"], data["sections_with_default"]
        ids = frozenset(section["id"] for section in [*own, *everything])
        return cls(data["id"], orjson.dumps(data), ids, bool(own) or len(everything) > 1)


@dataclass(frozen=True, slots=True)
class FeatureRow(Row):
    """A feature; `encoded` has its user stories as strings, `detailed` as objects.

    Neither says in which sections it stands: only the lists of the sections do.
    """

    detailed: bytes
    section_ids: tuple[int, ...] | None
    """None for a feature of a product without sections."""

    @classmethod
    def of(cls, data: JsonObject) -> Self:
        """Serialise both forms of a feature given with user stories as objects."""
        told = {key: value for key, value in data.items() if key != "section_ids"}
        titles = [story["title"] for story in data["user_stories"]]
        plain = orjson.dumps({**told, "user_stories": titles})
        sections = data.get("section_ids")
        ids = None if sections is None else tuple(sections)
        return cls(data["id"], plain, orjson.dumps(told), ids)

    @property
    def whole(self) -> JsonObject:
        """All that is so: user stories as objects, and the sections it stands in."""
        data: JsonObject = orjson.loads(self.detailed)
        return data | self.sections

    @property
    def sections(self) -> JsonObject:
        """The sections it stands in, as the field that lists may tell."""
        return {} if self.section_ids is None else {"section_ids": [*self.section_ids]}

    def told(self, *, detailed: bool, with_sections: bool) -> bytes:
        """The form that is answered."""
        row = self.detailed if detailed else self.encoded
        if not with_sections or self.section_ids is None:
            return row
        return b'%b,"section_ids":%b}' % (row[:-1], orjson.dumps(self.section_ids))


@dataclass(frozen=True, slots=True)
class TestRow(Row):
    """A test, with its place in the list."""

    # Keeps test collectors, which go by the name, away from this class.
    __test__ = False

    order: tuple[float, int]
    """Sorts newest `end_at` first, no `end_at` before all, higher ids first among equals."""

    @classmethod
    def of(cls, data: JsonObject) -> Self:
        """Serialise a test.

        Raises:
            InvalidInputError: `end_at` is neither null nor an ISO 8601 time with an offset.
        """
        order = (-_instant(data["end_at"]), -data["id"])
        return cls(data["id"], orjson.dumps(data), order)


def envelope(key: str, rows: Iterable[bytes]) -> bytes:
    """The JSON object that holds serialised `rows` as a list under `key`."""
    return b'{"%b":[%b]}' % (key.encode(), b",".join(rows))


def parse_time(text: object) -> datetime:
    """An ISO 8601 time with an offset, in UTC.

    Raises:
        InvalidInputError: it is anything else.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInputError("end_at", f"must be an ISO 8601 time with an offset, not {text!r}")
    return moment.astimezone(UTC)


def _instant(end_at: object) -> float:
    return float("inf") if end_at is None else parse_time(end_at).timestamp()
