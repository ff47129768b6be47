"""Features of a product with sections, listed section by section: each once, with all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from rules.records import FeatureRecord


def merge(listed: Iterable[tuple[int, FeatureRecord]]) -> tuple[FeatureRecord, ...]:
    """One record for each feature; `listed` pairs a section with a feature that stands in it.

    Where sections tell a feature differently, the first one's payload is kept. The sections are
    part of the content: a feature that moves to another one has changed.
    """
    first: dict[int, FeatureRecord] = {}
    sections: dict[int, list[int]] = {}
    for section, record in listed:
        first.setdefault(record.id, record)
        sections.setdefault(record.id, []).append(section)
    return tuple(_standing_in(first[key], sorted(set(sections[key]))) for key in first)


def _standing_in(record: FeatureRecord, sections: list[int]) -> FeatureRecord:
    content = f"{record.content_hash} {sections}".encode()
    return replace(
        record,
        section_ids=tuple(sections),
        content_hash=hashlib.blake2b(content, digest_size=16).hexdigest(),
    )
