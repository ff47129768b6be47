"""The names of products, for lines of the log that tell of one."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from storage.engine import readonly
from storage.engine.errors import StorageError
from storage.reads import queries

KEPT_SECONDS = 60.0


class ProductNames:
    """Reads them all at once, at most once a minute. Thread-safe; never raises."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._names: dict[int, str] = {}
        self._read_at = -KEPT_SECONDS

    def of(self, product_id: int) -> str | None:
        """The name as the mirror has it; None where it has none, or cannot be read."""
        with self._lock:
            if time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._read_at = time.monotonic()
                self._names = self._read()
            return self._names.get(product_id)

    def _read(self) -> dict[int, str]:
        try:
            with readonly.open_readonly(self._database, timeout=0.5) as connection:
                return queries.product_names(connection)
        except StorageError:
            return self._names
