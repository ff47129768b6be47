"""From the API's payloads to the records of the mirror.

A record with an unusable id or a wrong type, or of another product or test than was asked for, is
set aside with the reason, and its neighbours are kept; an unexpected envelope, or mostly records of
somebody else, is an error of the whole answer (rule 10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar

from config.secrets import REDACTOR
from rules.mirror.contents import as_json, forms_of_test, hash_of_text, stored_form
from rules.mirror.secret_keys import without_secrets
from rules.model import Kind
from rules.records import (
    MAX_ID,
    BadRow,
    BugRecord,
    FeatureRecord,
    ProductRecord,
    SectionRecord,
    TestRecord,
    UserStoryRecord,
)
from testio.bodies import parse
from testio.errors import BadPayload

MOST_RECORDS = 50_000
"""Of one answer. A page may hold more than was asked for: some remotes ignore paging."""
MOST_PARTS = 5_000
"""Of one record: its sections, or its user stories."""
MOST_EXCERPTS = 100
"""Bad rows of one answer that are shown; of others it is known where they stand, and why."""
EXCERPT_LENGTH = 500
KEY_LENGTH = 40
TEXT_TYPES = {str, type(None)}

R = TypeVar("R", ProductRecord, FeatureRecord, TestRecord, BugRecord)


class Foreign(ValueError):
    """A record belongs to another product or test than the one that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Generic[R]):
    """One answer, record by record. `ids` has an entry for each item, None where unusable."""

    records: tuple[R, ...]
    bad_rows: tuple[BadRow, ...]
    ids: tuple[int | None, ...]


def products(body: bytes) -> Rows[ProductRecord]:
    """The records of `GET /products`."""
    return _rows(_items(body, "products"), _product, is_whole=True)


def features(body: bytes, product_id: int) -> Rows[FeatureRecord]:
    """The records of a product's or a section's feature list."""
    return _rows(_items(body, "features"), partial(_feature, product_id), is_whole=True)


def tests(body: bytes, product_id: int, *, offset: int) -> Rows[TestRecord]:
    """The records of one page of a product's tests; `offset` rows of the list stand before it."""
    items = _items(body, "exploratory_tests")
    return _rows(items, partial(_listed_test, product_id), offset=offset)


def bugs(body: bytes, test_ids: Sequence[int]) -> Mapping[int, Rows[BugRecord]] | None:
    """The records of the bugs of these tests, by test; None if one may be any of several tests'.

    A bug need not say which test it belongs to; where one test was asked for, it is that one's.
    Raises BadPayload, also where most belong to tests that were not asked for.
    """
    items, wanted = _items(body, "bugs"), frozenset(test_ids)
    owners = [_owner_id(item.get("test")) if isinstance(item, dict) else None for item in items]
    foreign = [owner for owner in owners if owner is not None and owner not in wanted]
    _refuse_others(len(items), [f"a bug of test {owner}" for owner in foreign])
    if len(wanted) > 1 and not wanted.issuperset(owners):
        return None
    only = test_ids[0] if len(wanted) == 1 else None
    return {
        key: _rows(
            [item for item, owner in zip(items, owners, strict=True) if only or owner == key],
            partial(_bug, key),
        )
        for key in test_ids
    }


def test(body: bytes, product_id: int | None) -> TestRecord:
    """The record of `GET /exploratory_tests/{id}`, with its metrics; `product_id` where it names
    no product.

    Raises BadPayload.
    """
    item = _envelope(body, "exploratory_test")
    try:
        item = without_secrets(_as_object(item))
        own = _owner_id(item.get("product"))
        if own is None and product_id is None:
            raise ValueError("it does not say which product it belongs to")
        record = _test(own or product_id or 0, _id(item), item)
        return replace(record, metrics=as_json(forms_of_test(item).metrics))
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"the test cannot be used: {error}"[:EXCERPT_LENGTH]) from error


def _envelope(body: bytes, key: str) -> Any:
    answer = parse(body)
    if not isinstance(answer, dict) or key not in answer:
        raise BadPayload(f"the answer has no {key!r}; it is {_shape(answer)}")
    return answer[key]


def _items(body: bytes, key: str) -> list[Any]:
    items = _envelope(body, key)
    if not isinstance(items, list):
        raise BadPayload(f"{key!r} should be a list and is {_shape(items)}")
    if len(items) > MOST_RECORDS:
        raise BadPayload(
            f"{key!r} holds {len(items)} records; more than {MOST_RECORDS} are not read"
        )
    return items


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return f"an object with the keys {[key[:KEY_LENGTH] for key in sorted(value)[:5]]}"
    return "null" if value is None else f"of type {type(value).__name__}"


def _rows(
    items: list[Any],
    read: Callable[[int, dict[str, Any]], R],
    *,
    offset: int = 0,
    is_whole: bool = False,
) -> Rows[R]:
    """`is_whole`: the answer is a list of one moment, in which no id may stand twice."""
    records: list[R] = []
    bad_rows: list[BadRow] = []
    ids: list[int | None] = []
    seen: set[int] = set()
    foreign: list[str] = []
    for index, told in enumerate(items):
        item, record_id = told, _usable_id(told)
        ids.append(record_id)
        try:
            item = without_secrets(told)
            record = read(_id(_as_object(item)) if record_id is None else record_id, item)
            if is_whole and record.id in seen:
                raise ValueError(f"the id {record.id} stands in the list twice")
            records.append(record)
            seen.add(record.id)
        except (ValueError, RecursionError) as error:
            is_shown = len(bad_rows) < MOST_EXCERPTS
            place = offset + index + 1
            bad_rows.append(_bad_row(item, place, record_id, str(error), is_shown=is_shown))
            foreign += [bad_rows[-1].reason] if isinstance(error, Foreign) else []
    _refuse_others(len(items), foreign)
    return Rows(records=tuple(records), bad_rows=tuple(bad_rows), ids=tuple(ids))


def _refuse_others(rows: int, foreign: Sequence[object]) -> None:
    """An answer that mostly holds what nobody asked for was made for somebody else."""
    if 2 * len(foreign) > rows:
        others = f"{len(foreign)} of {rows} records of the answer are not those asked for"
        raise BadPayload(f"{others}: {foreign[0]}")


def _bad_row(
    item: Any, position: int, record_id: int | None, reason: str, *, is_shown: bool
) -> BadRow:
    try:
        text = repr(without_secrets(item))
    except RecursionError:
        text = "nested too deeply to show"
    reason = reason[:EXCERPT_LENGTH]
    text = text.encode("utf-8", "backslashreplace").decode()
    return BadRow(
        position=position,
        record_id=record_id,
        reason=REDACTOR.thoroughly(reason),
        excerpt=REDACTOR.thoroughly(text[:EXCERPT_LENGTH]) if is_shown else "",
        fingerprint=hash_of_text(f"{reason}\n{text}"),
    )


def _as_object(item: Any) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ValueError(f"the record should be an object and is {_shape(item)}")
    return item


def _usable_id(item: Any) -> int | None:
    value = item.get("id") if item.__class__ is dict else None
    return value if value.__class__ is int and 1 <= value <= MAX_ID else None


def _owner_id(item: Any) -> int | None:
    """Whose a record says it is: a number, or the same as text, which names nobody else."""
    usable = _usable_id(item)
    if usable is not None or item.__class__ is not dict:
        return usable
    value = item.get("id")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return _usable_id({"id": int(value)})
    return None


def _id(item: dict[str, Any]) -> int:
    usable = _usable_id(item)
    if usable is None:
        raise ValueError(f"id should be a whole number from 1 to 2^63-1 and is {item.get('id')!r}")
    return usable


def _text(item: dict[str, Any], key: str) -> str | None:
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} should be text and is {_shape(value)}")
    return value


def _texts(item: dict[str, Any], keys: Iterable[str]) -> list[str | None]:
    """Several texts at once, which is most of what a test consists of."""
    values = list(map(item.get, keys))
    if TEXT_TYPES.issuperset(map(type, values)):
        return values
    return [_text(item, key) for key in keys]


def _time(value: str | None, key: str) -> datetime | None:
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(value)
        # The API gives an offset; where it does not, UTC is what its host runs on.
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{key} should be a time in ISO 8601 and is {value[:40]!r}") from error


def _ids(item: dict[str, Any], key: str) -> tuple[int, ...]:
    """The ids of a list of numbers or of objects with an id; absent and null are empty."""
    values = item.get(key)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ValueError(f"{key} should be a list and is {_shape(values)}")
    _refuse_many(values, key)
    return tuple(_id(value if isinstance(value, dict) else {"id": value}) for value in values)


def _refuse_many(values: Sequence[object], key: str) -> None:
    if len(values) > MOST_PARTS:
        raise ValueError(f"{key} holds {len(values)} entries; more than {MOST_PARTS} are not read")


def _content(kind: Kind, item: dict[str, Any]) -> dict[str, str]:
    text, digest = stored_form(kind, item)
    return {"data": text, "content_hash": digest}


def _product(record_id: int, item: dict[str, Any]) -> ProductRecord:
    sections, with_default = _ids(item, "sections"), _ids(item, "sections_with_default")
    return ProductRecord(
        id=record_id,
        name=_text(item, "name"),
        product_type=_text(item, "product_type"),
        has_sections=bool(sections) or len(with_default) > 1,
        section_ids=tuple(dict.fromkeys((*sections, *with_default))),
        sections=_sections(item),
        **_content(Kind.PRODUCTS, item),
    )


def _sections(item: dict[str, Any]) -> tuple[SectionRecord, ...]:
    """The sections of both lists, each once."""
    listed = [*(item.get("sections") or ()), *(item.get("sections_with_default") or ())]
    found = {
        section["id"]: SectionRecord(id=section["id"], name=_text(section, "name"))
        for section in listed
        if isinstance(section, dict)
    }
    return tuple(found.values())


def _feature(product_id: int, record_id: int, item: dict[str, Any]) -> FeatureRecord:
    return FeatureRecord(
        id=record_id,
        product_id=product_id,
        title=_text(item, "title"),
        section_ids=None if item.get("section_ids") is None else _ids(item, "section_ids"),
        user_stories=_user_stories(item),
        **_content(Kind.FEATURES, item),
    )


def _user_stories(item: dict[str, Any]) -> tuple[UserStoryRecord, ...]:
    """User stories as objects, or as mere texts where the remote does not expand them."""
    values = item.get("user_stories") or ()
    if not isinstance(values, list | tuple):
        raise ValueError(f"user_stories should be a list and is {_shape(values)}")
    _refuse_many(values, "user_stories")
    stories = [_user_story(value, f"{item.get('id')}") for value in values]
    return tuple({story.id: story for story in stories}.values())


def _user_story(value: Any, feature: str) -> UserStoryRecord:
    if isinstance(value, str):
        value = {"title": value}
    if not isinstance(value, dict):
        raise ValueError(f"a user story should be an object or text and is {_shape(value)}")
    title, path = _text(value, "title"), _text(value, "path")
    usable = _usable_id(value)
    if usable is None:
        # A stable number of our own, never one of the remote's.
        usable = -1 - int(hash_of_text(f"{feature}\n{title}\n{path}")[:15], 16)
    return UserStoryRecord(id=usable, title=title, path=path)


def _test(product_id: int, record_id: int, item: dict[str, Any]) -> TestRecord:
    text, digest = stored_form(Kind.TESTS, item)
    title, old_title, status, review_status, testing_type, start, end = _texts(item, TEST_TEXTS)
    return TestRecord(
        id=record_id,
        product_id=product_id,
        title=title if title is not None else old_title,
        status=status,
        review_status=review_status,
        testing_type=testing_type,
        start_at=_time(start, "start_at"),
        end_at=_time(end, "end_at"),
        data=text,
        content_hash=digest,
    )


def _listed_test(product_id: int, record_id: int, item: dict[str, Any]) -> TestRecord:
    """A test of a product's list; it need not name the product."""
    own = _owner_id(item.get("product"))
    if own is not None and own != product_id:
        raise Foreign(f"the test belongs to product {own}, asked for were those of {product_id}")
    return _test(product_id, record_id, item)


TEST_TEXTS = (
    "title",
    "test_title",
    "status",
    "review_status",
    "testing_type",
    "start_at",
    "end_at",
)


def _bug(test_id: int, record_id: int, item: dict[str, Any]) -> BugRecord:
    status = _text(item, "status")
    owner = _owner_id(item.get("test"))
    if owner not in (None, test_id):
        raise Foreign(f"the bug belongs to test {owner}, asked for were those of {test_id}")
    return BugRecord(
        id=record_id,
        test_id=test_id,
        title=_text(item, "title"),
        severity=_text(item, "severity"),
        status="auto_accepted" if status == "accepted" and item.get("auto_accepted") else status,
        **_content(Kind.BUGS, item),
    )
