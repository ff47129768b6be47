"""What verifying comes to, product by product and in all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from rules.diagnosis.verifying import Discrepancy, Mirrored, Side, compare
from rules.model import Kind
from rules.records import BadRow
from service.checkup.live import LiveList


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncompared:
    """What could not be compared, and why."""

    product_id: int
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What verifying came to. `compared`: records that either side has."""

    compared: int = 0
    findings: tuple[Discrepancy, ...] = ()
    uncompared: tuple[Uncompared, ...] = ()

    @property
    def unexplained(self) -> int:
        """Differences that the mirror's own claims do not explain."""
        return sum(not finding.explained for finding in self.findings)

    def __add__(self, other: Report) -> Report:
        return Report(
            compared=self.compared + other.compared,
            findings=self.findings + other.findings,
            uncompared=self.uncompared + other.uncompared,
        )


def report_on(side: Side, stored: Collection[Mirrored], live: LiveList) -> Report:
    """Everything of one product and kind that both sides gave."""
    unusable = frozenset(bad.record_id for bad in live.unusable if bad.record_id is not None)
    side = replace(side, unusable=unusable)
    there = {row.id for row in stored if row.deleted_at is None}
    return Report(
        compared=len(there | {record.id for record in live.records}),
        findings=tuple(compare(side, stored, live.records)),
        uncompared=_unusable(side, live.unusable),
    )


def _unusable(side: Side, rows: Collection[BadRow]) -> tuple[Uncompared, ...]:
    """Records that nobody can use, and so nobody can compare, on record or not."""
    known = "; see testio-sync problems list" if side.claim.gaps else ""
    return tuple(
        Uncompared(
            product_id=side.product_id,
            kind=side.kind,
            why=f"the record at position {bad.position} cannot be used: {bad.reason}{known}",
        )
        for bad in rows
    )


def not_compared(side: Side, error: Exception) -> Report:
    """Nothing of one product and kind could be compared."""
    why = Uncompared(product_id=side.product_id, kind=side.kind, why=str(error))
    return Report(uncompared=(why,))
