"""`make coverage` fails where a package is below the floor, and says where to look."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.coverage import PACKAGES, main


def report(path: Path, *, branches: int, lines: int = 100) -> str:
    """One file a package, each with 100 lines and 100 branches; so many of storage's are taken."""

    def file(taken: int, run: int) -> dict[str, object]:
        numbers = {
            **{"num_branches": 100, "covered_branches": taken},
            **{"num_statements": 100, "covered_lines": run, "percent_covered_display": "?"},
        }
        return {"summary": numbers, "missing_branches": [[7, 9]] * (100 - taken)}

    files = {f"{package}/one.py": file(100, 100) for package in PACKAGES}
    files["storage/one.py"] = file(branches, lines)
    path.write_text(json.dumps({"files": files}))
    return str(path)


def test_all_above_the_floor_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(report(tmp_path / "report.json", branches=95)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["package", *PACKAGES]


@pytest.mark.parametrize(("branches", "lines"), [(94, 100), (100, 94)])
def test_one_package_below_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], branches: int, lines: int
) -> None:
    assert main(report(tmp_path / "report.json", branches=branches, lines=lines)) == 1
    assert "storage is below 95 %" in capsys.readouterr().out


def test_a_package_that_was_not_measured_fails(tmp_path: Path) -> None:
    empty = tmp_path / "report.json"
    empty.write_text('{"files": {}}')
    assert main(str(empty)) == 1
