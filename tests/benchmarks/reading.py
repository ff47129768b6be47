"""A reader beside the writer, in a process of its own: `python -m tests.benchmarks.reading`.

It asks the mirror for the tests of one product after the other until it is told to end (a line on
its standard input), and prints the milliseconds of each query.
"""

from __future__ import annotations

import argparse
import itertools
import json
import select
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

PAUSE_SECONDS = 0.002
QUERY = "SELECT id, title, status, end_at FROM tests WHERE product_id = ? AND deleted_at IS NULL"


def main() -> None:
    """Say `ready`, then ask until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--products", type=int, nargs="+", required=True)
    given = parser.parse_args()
    answers = []
    with closing(sqlite3.connect(f"file:{given.database}?mode=ro", uri=True)) as connection:
        print("ready", flush=True)
        for product_id in itertools.cycle(given.products):
            if select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
                break
            began = time.perf_counter()
            rows = connection.execute(QUERY, (product_id,)).fetchall()
            answers.append(time.perf_counter() - began)
            assert rows, product_id
    print(json.dumps({"milliseconds": [1000 * each for each in answers]}))


if __name__ == "__main__":
    main()
