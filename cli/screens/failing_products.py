"""The products that fail in a run: a few lines while it works, and all, grouped, at its end."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from control.protocol import RunView
from rules.run.problem_lines import problem_lines
from storage.engine import readonly
from storage.engine.errors import StorageError
from storage.engine.readonly import Row
from storage.reads import queries

TOLD = 5
"""Products that are told of while a run works; its end tells of all."""


class FewFailures(logging.Filter):
    """For the log of a run that prints its end anyway: the first few products that fail."""

    def __init__(self) -> None:
        super().__init__()
        self._left = TOLD

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is one of the first, or of something else."""
        event = record.msg.get("event") if isinstance(record.msg, dict) else None
        if event == "product_failed":
            self._left -= 1
            return self._left >= 0
        return event not in ("phase_finished", "run_finished")


def print_problems(view: RunView, *, all_of_them: str) -> None:
    """What failed in a run, alike problems once; `all_of_them` is the command that shows each."""
    if not view.errors:
        return
    from cli.screens.screen import harmless  # brings rich along, which most runs do not need

    lines, left = problem_lines(view.errors)
    for line in lines:
        print(f"  {harmless(line)}")
    if left:
        print(f"  and {left} more: {all_of_them}")
    elif len(lines) < len(view.errors):
        print(f"  all {len(view.errors)}: {all_of_them}")


def names_in(database: Path, rows: list[Row]) -> dict[int, str]:
    """The names of the products in these events; none rather than a failure."""
    ids = [row["product_id"] for row in rows if row["product_id"]]
    if ids:
        with suppress(StorageError), readonly.open_readonly(database) as connection:
            return queries.product_names(connection, ids)
    return {}


def failure_text(row: Row, names: dict[int, str]) -> str:
    """The product, and how and why it failed."""
    kind = f"{row['error_kind']}: " if row["error_kind"] else ""
    product = _product(row["product_id"], names)
    return f"{product} {row['outcome']}: {kind}{row['error'] or ''}"


def _product(product_id: int, names: dict[int, str]) -> str:
    if product_id == 0:
        return "the product list"
    return f"product {product_id} {names.get(product_id, '')}".rstrip()
