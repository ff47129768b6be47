"""Changes to the account while it is served: add, change and delete, as others would."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from simulator.account import Account, Shelf
from simulator.generator import NEWEST_END
from simulator.problems import InvalidInputError, UnknownIdError
from simulator.rows import FeatureRow, JsonObject, ProductRow, Row, TestRow, parse_time

R = TypeVar("R", bound=Row)

ACTIONS = ("add", "change", "delete")
KINDS = ("product", "feature", "test")
PAUSE_BETWEEN_TESTS = timedelta(hours=6)
_NAMES = ("action", "kind", "product_id", "id", "fields")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One change. `id` names the row, or is what an added row gets instead of a fresh id."""

    action: str
    kind: str
    product_id: int | None = None
    """Whose feature or test it is; needed to add one, and to reach a feature."""
    id: int | None = None
    fields: Mapping[str, object]
    """Put over the row's own fields, at its top level."""


def parse_mutation(given: object) -> Mutation:
    """A mutation from its JSON form.

    Raises:
        InvalidInputError: a field is missing, unknown or of a wrong type; the error names it.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError("mutation", "must be a JSON object")
    if unknown := [name for name in given if name not in _NAMES]:
        raise InvalidInputError(unknown[0], "is not a field of a mutation")
    action, kind = given.get("action"), given.get("kind")
    if action not in ACTIONS:
        raise InvalidInputError("action", f"must be one of {', '.join(ACTIONS)}")
    if kind not in KINDS:
        raise InvalidInputError("kind", f"must be one of {', '.join(KINDS)}")
    product_id, row_id = _id(given, "product_id"), _id(given, "id")
    if product_id is None and (kind == "feature" or (kind == "test" and action == "add")):
        raise InvalidInputError("product_id", f"is required to {action} a {kind}")
    if row_id is None and action != "add":
        raise InvalidInputError("id", f"is required to {action} a {kind}")
    fields = _fields(given.get("fields"))
    return Mutation(action=action, kind=kind, product_id=product_id, id=row_id, fields=fields)


def mutate(account: Account, mutation: Mutation) -> JsonObject:
    """Carry out `mutation`; returns the row as it is then, or as it was when deleted.

    Raises:
        InvalidInputError: the fields do not make a row, or the id of an added row is taken.
        UnknownIdError: there is no such product, feature or test.
    """
    row = _HANDLERS[mutation.kind](account, mutation)
    return row.data if not isinstance(row, FeatureRow) else row.data | row.sections


def _id(given: Mapping[str, object], name: str) -> int | None:
    value = given.get(name)
    if value is not None and (type(value) is not int or not 1 <= value < 2**63):
        raise InvalidInputError(name, "must be a positive integer")
    return value


def _fields(given: object) -> Mapping[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInputError("fields", "must be a JSON object")
    if "id" in given:
        raise InvalidInputError("fields", "must not hold an id; give it beside them")
    return given


def _product(account: Account, mutation: Mutation) -> Row:
    if mutation.action == "add":
        made = _merged(account.make_product(), mutation)
        _refuse_taken(mutation, made["id"], account.shelves)
        product = _built(ProductRow.of, made)
        account.put_product(product)
        return product
    shelf = account.shelf(_wanted(mutation))
    if mutation.action == "delete":
        return account.shelves.pop(shelf.product.id).product
    shelf.product = _built(ProductRow.of, _merged(shelf.product.data, mutation))
    return shelf.product


def _feature(account: Account, mutation: Mutation) -> Row:
    shelf = account.shelf(mutation.product_id or 0)
    if mutation.action == "add":
        data = _merged(account.make_feature(shelf), mutation)
        shelves = account.shelves.values()
        _refuse_taken(mutation, data["id"], *(other.features for other in shelves))
    elif (feature := shelf.features.get(_wanted(mutation))) is None:
        raise UnknownIdError(f"no feature {mutation.id} in product {mutation.product_id}")
    elif mutation.action == "delete":
        return shelf.features.pop(feature.id)
    else:
        data = _merged(feature.whole, mutation)
    row = _built(FeatureRow.of, data | {"user_stories": _stories(account, data)})
    shelf.features[row.id] = row
    return row


def _test(account: Account, mutation: Mutation) -> Row:
    if mutation.action == "add":
        shelf = account.shelf(mutation.product_id or 0)
        made = account.make_test(shelf, _newest_end(shelf) + PAUSE_BETWEEN_TESTS)
        data = _merged(made, mutation)
        _refuse_taken(mutation, data["id"], *(other.tests for other in account.shelves.values()))
    else:
        shelf = account.shelf_of_test(_wanted(mutation))
        if mutation.product_id not in (None, shelf.product.id):
            raise UnknownIdError(f"no test {mutation.id} in product {mutation.product_id}")
        if mutation.action == "delete":
            return shelf.drop_test(_wanted(mutation))
        data = _merged(shelf.tests[_wanted(mutation)].data, mutation)
    row = _built(TestRow.of, data)
    shelf.put_test(row)
    return row


_HANDLERS: Mapping[str, Callable[[Account, Mutation], Row]] = {
    "product": _product,
    "feature": _feature,
    "test": _test,
}


def _newest_end(shelf: Shelf) -> datetime:
    ends = (test.data["end_at"] for test in shelf.listing)
    # Tests without an end stand before all others, so the first end found is the newest.
    newest = next((end for end in ends if end is not None), None)
    return NEWEST_END if newest is None else parse_time(newest)


def _stories(account: Account, data: JsonObject) -> list[JsonObject]:
    """User stories as objects; those given as strings get ids of their own."""
    make, stories = account.generator.story, data["user_stories"]
    if not isinstance(stories, list):
        raise InvalidInputError("user_stories", "must be a list")
    return [make(data["id"], story) if isinstance(story, str) else story for story in stories]


def _built(build: Callable[[JsonObject], R], data: JsonObject) -> R:
    """The row that `data` makes; the account keeps what it had when it makes none."""
    try:
        return build(data)
    except (KeyError, TypeError) as error:
        raise InvalidInputError("fields", f"do not make a row: {error}") from error


def _wanted(mutation: Mutation) -> int:
    return mutation.id or 0


def _merged(data: JsonObject, mutation: Mutation) -> JsonObject:
    return {**data, "id": mutation.id or data["id"], **mutation.fields}


def _refuse_taken(mutation: Mutation, row_id: int, *takers: Container[int]) -> None:
    # Fresh ids are checked as well: one of them may have been given away by hand before.
    if any(row_id in taker for taker in takers):
        raise InvalidInputError("id", f"{row_id} is taken by another {mutation.kind}")
