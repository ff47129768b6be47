"""Features and the sections they stand in: told by each section's list, or by nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rules.records import FeatureRecord


def merge(listed: Iterable[tuple[int, FeatureRecord]]) -> tuple[FeatureRecord, ...]:
    """One record for each feature; `listed` pairs a section with a feature that stands in it.

    Where sections tell a feature differently, the first one's payload is kept.
    """
    first: dict[int, FeatureRecord] = {}
    sections: dict[int, set[int]] = {}
    for section, record in listed:
        first.setdefault(record.id, record)
        sections.setdefault(record.id, set()).add(section)
    return tuple(
        replace(record, section_ids=tuple(sorted(sections[key]))) for key, record in first.items()
    )


def place(
    plain: Iterable[FeatureRecord], in_sections: Iterable[FeatureRecord]
) -> tuple[FeatureRecord, ...]:
    """The features of a plain list, each where all sections were read and say that it stands.

    One that no section lists, and that does not tell itself, stands in none. Those that only
    sections list are there as well.
    """
    found: Mapping[int, FeatureRecord] = {record.id: record for record in in_sections}
    placed = {
        record.id: replace(record, section_ids=found[record.id].section_ids)
        if record.id in found
        else record
        for record in without_sections(plain)
    }
    return (*placed.values(), *(found[key] for key in found if key not in placed))


def without_sections(plain: Iterable[FeatureRecord]) -> tuple[FeatureRecord, ...]:
    """The features of a product that has no sections: they stand in none."""
    return tuple(r if r.section_ids is not None else replace(r, section_ids=()) for r in plain)
