"""What `--version` prints."""

from __future__ import annotations

import re
import sqlite3

from cli.about import LIBRARIES, version_text


def test_the_first_line_is_the_version_and_the_rest_is_for_a_report_of_a_bug() -> None:
    first, *rest = version_text().splitlines()
    assert re.fullmatch(r"testio-sync \S+ \(Python 3\.\d+\.\d+\)", first)
    told = dict(line.split(None, 1) for line in rest)
    assert told["SQLite"] == sqlite3.sqlite_version
    assert set(LIBRARIES) <= set(told)
    assert "not installed" not in told.values()
