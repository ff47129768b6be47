"""One sync by dlt: its REST source, merged by id into SQLite or DuckDB.

dlt's defaults, but for what a benchmark has to name: as many requests at once as the others may
make, pages of 25, and everything kept in one folder. `--tuned` adds the documented options that
help most. SQLite: keys and indexes, for a merge looks rows up by them, and one loader, since
several meet "database is locked" and try again. DuckDB: Parquet instead of INSERT statements,
which cost it gigabytes. dlt makes its tables while it loads, from what it has read, so that is
part of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

PAGE = 25
DATASET = "account"
TABLES = ("products", "features", "exploratory_tests")
TUNED_SQLITE = {
    "LOAD__WORKERS": "1",
    "DESTINATION__CREATE_PRIMARY_KEYS": "true",
    "DESTINATION__CREATE_UNIQUE_INDEXES": "true",
}
COUNT = "SELECT " + " + ".join(f"(SELECT count(*) FROM {{0}}{table})" for table in TABLES)


def main() -> None:
    """Sync once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--destination", choices=sorted(ROWS), default="sqlite")
    parser.add_argument("--tuned", action="store_true")
    given = parser.parse_args()
    folder = given.folder.resolve()
    _keep_inside(folder, given.connections)
    if given.tuned and given.destination == "sqlite":
        os.environ |= TUNED_SQLITE
    file_format = "parquet" if given.tuned and given.destination == "duckdb" else None
    pipeline = _pipeline(folder, given.destination)
    seconds = _run(pipeline, _source(given.url, given.token), file_format)
    rows = ROWS[given.destination](folder)
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb(), "rows": rows}))


def _keep_inside(folder: Path, connections: int) -> None:
    """dlt takes these from the environment when it is imported and when it runs."""
    os.environ |= {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "NO_PROXY": "*",
        "DLT_DATA_DIR": str(folder),
        "DLT_PROJECT_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "EXTRACT__WORKERS": str(connections),
        "EXTRACT__MAX_PARALLEL_ITEMS": str(2 * connections),
    }
    os.chdir(folder)


def _pipeline(folder: Path, destination: str) -> Any:
    import dlt

    if destination == "duckdb":
        database = dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    else:
        database = dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'dlt.db'}")
    return dlt.pipeline(
        pipeline_name="account",
        pipelines_dir=str(folder / "pipelines"),
        destination=database,
        dataset_name=DATASET,
    )


def _run(pipeline: Any, source: Any, file_format: str | None) -> float:
    """Seconds of one run. Raises dlt's errors if a step of it fails."""
    began = time.perf_counter()
    info = pipeline.run(source, loader_file_format=file_format)
    seconds = time.perf_counter() - began
    info.raise_on_failed_jobs()
    return seconds


def _source(url: str, token: str) -> Any:
    """Products, and of each its features and tests, several products at once."""
    from dlt.sources.rest_api import rest_api_source

    of_product = "products/{resources.products.id}"
    tests = {"params": {"per_page": PAGE}, "paginator": _pages()}
    config = {
        "client": {"base_url": url, "headers": {"Authorization": f"Token {token}"}},
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "parallelized": True,
            "endpoint": {"paginator": "single_page"},
        },
        "resources": [
            _resource("products", "products"),
            _resource("features", f"{of_product}/features"),
            _resource("exploratory_tests", f"{of_product}/exploratory_tests", **tests),
        ],
    }
    return rest_api_source(config, name="account")


def _resource(name: str, path: str, **endpoint: Any) -> dict[str, Any]:
    return {"name": name, "endpoint": {"path": path, "data_selector": name, **endpoint}}


def _pages() -> Any:
    from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

    class UntilShortPage(PageNumberPaginator):  # type: ignore[misc] # our venv has no dlt
        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            self._has_next_page = data is not None and len(data) == PAGE

    return UntilShortPage(base_page=1, total_path=None)


def _rows_of_sqlite(folder: Path) -> int:
    """Beside its own file, dlt keeps a file for each dataset."""
    with closing(sqlite3.connect(folder / f"dlt__{DATASET}.db")) as connection:
        return int(connection.execute(COUNT.format("")).fetchone()[0])


def _rows_of_duckdb(folder: Path) -> int:
    import duckdb

    with closing(duckdb.connect(str(folder / "dlt.duckdb"), read_only=True)) as connection:
        return int(connection.execute(COUNT.format(f"{DATASET}.")).fetchone()[0])


def _peak_mb() -> float:
    """The most memory this process ever had, in MB; Linux counts in KB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


ROWS: dict[str, Callable[[Path], int]] = {"sqlite": _rows_of_sqlite, "duckdb": _rows_of_duckdb}

if __name__ == "__main__":
    main()
