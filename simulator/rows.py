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
    """A feature; `encoded` has its user stories as strings, `detailed` as objects."""

    detailed: bytes
    section_ids: frozenset[int]

    @classmethod
    def of(cls, data: JsonObject) -> Self:
        """Serialise both forms of a feature given with user stories as objects."""
        titles = [story["title"] for story in data["user_stories"]]
        plain = orjson.dumps({**data, "user_stories": titles})
        sections = frozenset(data.get("section_ids", ()))
        return cls(data["id"], plain, orjson.dumps(data), sections)

    @property
    def with_stories(self) -> Row:
        """The form that is answered when user stories are asked for as objects."""
        return Row(self.id, self.detailed)


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
