"""Compares a mirror with the account behind the simulator, row for row."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator import Simulator

SECRET_KEYS = ("username", "password")


def differences(database: Path, simulator: Simulator) -> list[str]:
    """Every row that the mirror lacks, has too many of, or tells differently; empty if none."""
    account = simulator.account()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        mirrored = {
            table: {
                row["id"]: dict(row)
                for row in connection.execute(f"SELECT * FROM {table} WHERE deleted_at IS NULL")
            }
            for table in ("products", "features", "tests")
        }
    found: list[str] = []
    expected_products = {row["id"]: row for row in account["products"]}
    found += _compare("products", expected_products, mirrored["products"], {})
    for kind in ("features", "tests"):
        expected, owners = {}, {}
        for product_id, rows in account[kind].items():
            for row in rows:
                expected[row["id"]], owners[row["id"]] = row, int(product_id)
        found += _compare(kind, expected, mirrored[kind], owners)
    return found


def _compare(
    kind: str, expected: dict[int, Any], mirrored: dict[int, Any], owners: dict[int, int]
) -> list[str]:
    found = [f"{kind} {key} is missing" for key in sorted(expected.keys() - mirrored.keys())]
    found += [f"{kind} {key} is not there" for key in sorted(mirrored.keys() - expected.keys())]
    for key in sorted(expected.keys() & mirrored.keys()):
        row, truth = mirrored[key], expected[key]
        wanted: dict[str, Any] = {"data": _as_listed(truth)}
        if kind == "features" and row["section_ids"] is not None:
            wanted["section_ids"] = truth.get("section_ids", [])
            row = row | {"section_ids": json.loads(row["section_ids"])}
        if kind != "products":
            wanted["product_id"] = owners[key]
        if kind == "tests":
            wanted |= {n: truth.get(n) for n in ("title", "status", "testing_type")}
            wanted |= {n: _utc(truth.get(n)) for n in ("start_at", "end_at")}
        row = row | {"data": json.loads(row["data"])}
        found += [
            f"{kind} {key}: {name} is {row[name]!r} and should be {value!r}"
            for name, value in wanted.items()
            if row[name] != value
        ]
    return found


def _as_listed(truth: dict[str, Any]) -> dict[str, Any]:
    """Without secrets, and without what no list tells."""
    truth = {key: value for key, value in truth.items() if key != "section_ids"}
    environment = truth.get("test_environment")
    if not isinstance(environment, dict):
        return truth
    kept = {key: value for key, value in environment.items() if key not in SECRET_KEYS}
    return {**truth, "test_environment": kept}


def _utc(text: str | None) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
