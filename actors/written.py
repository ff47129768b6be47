"""What a run has really written, counted where it is committed."""

from __future__ import annotations

import threading

from rules.model import NOTHING, Counts, Kind


class Written:
    """Rows of one run by kind. Thread-safe; the MirrorWriter adds, whoever ends the run reads.

    Workers count too, for their product's end, but one that crashes takes its count with it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_kind: dict[Kind, Counts] = {}

    def add(self, kind: Kind, counts: Counts) -> None:
        """A page was committed."""
        with self._lock:
            self._by_kind[kind] = self._by_kind.get(kind, NOTHING) + counts

    def by_kind(self) -> dict[Kind, Counts]:
        """All that was committed so far."""
        with self._lock:
            return dict(self._by_kind)
