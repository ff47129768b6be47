"""The two forms in which the remote tells a product's features: plain, or section by section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from actors.parts import RemoteClient
from rules.records import BadRow, FeatureRecord
from rules.sections import merge
from testio.errors import BadPayload, NotFound, ServerError, Timeout
from testio.limits import RequestScope


class Listed(Protocol):
    """An answer with the ids of its records."""

    @property
    def ids(self) -> tuple[int | None, ...]: ...


L = TypeVar("L", bound=Listed)


def plain_features(ask: Callable[[], L], section_ids: Sequence[int]) -> L | None:
    """By the plain endpoint; None where that does not answer for a product with sections."""
    if not section_ids:
        return ask()
    try:
        rows = ask()
    except (NotFound, ServerError, Timeout, BadPayload):
        return None  # older deployments answer so; if it is real, the sections fail as well
    return rows if rows.ids else None


def features_by_section(
    client: RemoteClient, product_id: int, section_ids: Sequence[int], scope: RequestScope
) -> tuple[tuple[FeatureRecord, ...], tuple[BadRow, ...]]:
    """By the section endpoints, each feature once, with all the sections it stands in."""
    listed: list[tuple[int, FeatureRecord]] = []
    bad_rows: list[BadRow] = []
    for section_id in section_ids:
        rows = client.list_section_features(product_id, section_id, scope)
        listed += [(section_id, record) for record in rows.records]
        bad_rows += rows.bad_rows
    return merge(listed), tuple(bad_rows)
