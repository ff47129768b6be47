"""Between entities and the types of `POST /v1/fetch`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from control.protocol import FetchBody, FetchedView, FetchReply
from rules.mirror.fetching import MAX_ENTITIES, THE_PRODUCT_LIST, Entity, FetchOutcome, Subject
from rules.model import Kind

KIND_AND_IDS = {
    Subject.FEATURES: (Kind.FEATURES, "product_ids"),
    Subject.TESTS: (Kind.TESTS, "product_ids"),
    Subject.TEST: (Kind.TESTS, "test_ids"),
    Subject.BUGS: (Kind.BUGS, "test_ids"),
}


def entities_of(body: FetchBody) -> list[Entity]:
    """What a request asks for."""
    if body.kind is Kind.PRODUCTS:
        return [THE_PRODUCT_LIST]
    for subject, (kind, name) in KIND_AND_IDS.items():
        ids = getattr(body, name)
        if kind is body.kind and ids is not None:
            return [Entity(subject, key) for key in ids]
    raise AssertionError("a valid body names what it asks for")


def reply_of(outcomes: Mapping[Entity, FetchOutcome]) -> FetchReply:
    """The answer to a request."""
    return FetchReply(
        outcomes=[
            FetchedView(id=e.id, state=o.state, error=o.error, message=o.message)
            for e, o in outcomes.items()
        ]
    )


def bodies_for(
    entities: Iterable[Entity], not_before: datetime
) -> Iterator[tuple[Subject, FetchBody]]:
    """The requests that ask for these entities, with the subject of each."""
    wanted = list(entities)
    if THE_PRODUCT_LIST in wanted:
        yield Subject.PRODUCTS, FetchBody(kind=Kind.PRODUCTS, not_before=not_before)
    for subject, (kind, name) in KIND_AND_IDS.items():
        ids = [entity.id for entity in wanted if entity.subject is subject]
        for start in range(0, len(ids), MAX_ENTITIES):
            chosen = {name: ids[start : start + MAX_ENTITIES]}
            yield (
                subject,
                FetchBody.model_validate({"kind": kind, "not_before": not_before, **chosen}),
            )


def outcomes_of(subject: Subject, reply: FetchReply) -> dict[Entity, FetchOutcome]:
    """What an answer says of the entities that were asked for."""
    return {
        Entity(subject, view.id): FetchOutcome(
            state=view.state, error=view.error, message=view.message
        )
        for view in reply.outcomes
    }
