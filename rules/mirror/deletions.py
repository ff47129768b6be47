"""When a row that a listing lacks is gone, and when the listing is not believed (rule 8).

Nothing is ever marked because of an error: only listings read without a gap come here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

BRAKE_FROM = 10
"""So many missing rows, and more than half, are too many to believe."""


def brake(*, missing: int, rows: int, listed: int) -> str | None:
    """Why this listing is not believed; None if it is.

    `rows`: rows that the mirror held before; `missing`: those of them that the listing lacks;
    `listed`: records that the remote listed.
    """
    if missing == 0:
        return None
    if listed == 0:
        return f"the remote lists nothing, the mirror holds {rows}"
    if missing >= BRAKE_FROM and 2 * missing > rows:
        return f"the remote lists {missing} fewer of the {rows} rows that the mirror holds"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What becomes of the rows that an unpaged listing lacks.

    `gone` are to be marked as deleted, `noted` are missing for the first time, `pending` are held
    back by the brake for the reason `why_pending`.
    """

    gone: tuple[int, ...] = ()
    noted: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()
    why_pending: str = ""


def missing_from(
    live: Mapping[int, int | None], listed: Collection[int], *, listing: int, confirming: bool
) -> Missing:
    """Decide on an unpaged list of features, products or bugs that was read in full.

    `live` gives for each row of the mirror the complete listing that lacked it first, None if
    none did. A row is gone after two complete listings without it; `confirming` says that this
    one is the second of two in a row, whatever its id.
    """
    lacking = {key: since for key, since in live.items() if key not in listed}
    why = brake(missing=len(lacking), rows=len(live), listed=len(listed))
    if why is not None:
        return Missing(pending=tuple(sorted(lacking)), why_pending=why)
    gone = {
        key
        for key, since in lacking.items()
        if since is not None and (since != listing or confirming)
    }
    return Missing(gone=tuple(sorted(gone)), noted=tuple(sorted(lacking.keys() - gone)))
