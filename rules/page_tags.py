"""When a page need not be sent again, because the mirror holds just what it would say.

An ETag is the remote's name for one content of one URL. The mirror keeps it with the ids on that
page, in order, and a digest over them and their contents. It asks "changed since this ETag?" only
while its own rows still give that digest; so "unchanged" says: the page is these rows. Whatever
has touched one of them meanwhile makes the tag useless, and the page is asked for in full.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from rules.places import PagePlace

LONGEST_ETAG = 500

_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTag:
    """What a page held when the remote gave it this ETag.

    `mapping`: the version of the code that made rows of it.
    """

    place: PagePlace
    etag: str
    ids: tuple[int, ...]
    digest: str
    mapping: int


class HeldRow(NamedTuple):
    """A row that the mirror holds; `known` as in `rules.stops`."""

    id: int
    content_hash: str
    end_at: datetime | None = None
    known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPage:
    """A page that the mirror could show itself: its tag, and its rows in the page's order."""

    tag: PageTag
    rows: tuple[HeldRow, ...]


def usable_etag(header: str | None) -> str | None:
    """An `ETag` header, weak or strong, that can be sent back as it is; None for any other.

    The strict form keeps out `*`, which every page would match, and lists of several.
    """
    if header is None or len(header) > LONGEST_ETAG or _ETAG.fullmatch(header) is None:
        return None
    return header


def digest_of(contents: Iterable[tuple[int, str]]) -> str:
    """One value for ids and contents of rows, in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for key, content_hash in contents:
        digest.update(f"{key} {content_hash}\n".encode())
    return digest.hexdigest()


def tag_for(
    place: PagePlace,
    etag: str | None,
    *,
    ids: Sequence[int | None],
    contents: Sequence[tuple[int, str]],
    mapping: int,
) -> PageTag | None:
    """The tag to keep of an answer; None unless each of its records could be used, and once.

    `ids`: of all its records; `contents`: id and content of those that could be used.
    """
    usable = tuple(key for key, _ in contents)
    if etag is None or usable != tuple(ids) or len(set(usable)) < len(usable):
        return None
    return PageTag(place=place, etag=etag, ids=usable, digest=digest_of(contents), mapping=mapping)


def held_page(tag: PageTag, rows: Iterable[HeldRow], *, mapping: int) -> HeldPage | None:
    """The page as the mirror holds it; None unless its rows are just those of the tag.

    `rows`: those of the tag's ids that are there now, in any order.
    """
    there = {row.id: row for row in rows}
    in_order = tuple(there[key] for key in tag.ids if key in there)
    if tag.mapping != mapping:
        return None
    if digest_of((row.id, row.content_hash) for row in in_order) != tag.digest:
        return None
    return HeldPage(tag=tag, rows=in_order)
