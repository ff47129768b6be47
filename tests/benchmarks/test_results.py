"""The harness's pure parts: turns, ratios, verdicts, the file of results, the page's tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks import harness, report
from tests.benchmarks.harness import Options
from tests.benchmarks.profile import by_part
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import in_turns, percentile, ratios


def figure(*values: float, target: Target | None = None) -> Figure:
    return Figure(name="a / b", unit="s", values=list(values), target=target, group="cold")


def result(name: str = "readers", *figures: Figure) -> Result:
    return Result(name=name, title="Readers", what="a query", figures=list(figures), notes=["so"])


def test_every_second_round_goes_the_other_way_and_the_first_is_not_counted() -> None:
    calls: list[str] = []

    def work(name: str) -> int:
        calls.append(name)
        return len(calls)

    found = in_turns({"a": lambda: work("a"), "b": lambda: work("b")}, 3)
    assert "".join(calls) == "ba" + "ab" + "ba" + "ab"
    assert found == {"a": [3, 6, 7], "b": [4, 5, 8]}


def test_a_ratio_is_taken_within_its_round() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [])


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.99, 5.0),
        ([3.0, 1.0, 2.0, 4.0], 0.5, 2.0),
        (list(map(float, range(100))), 0.99, 98),
    ],
)
def test_a_percentile_is_the_value_that_so_many_do_not_exceed(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_the_median_is_judged_and_a_target_reached_exactly_is_met() -> None:
    assert figure(1.0, 9.0, 2.0, target=Target(most=2.0)).met is True
    assert figure(1.0, 9.0, 3.0, target=Target(most=2.0)).met is False
    assert figure(19_999.0, target=Target(least=20_000.0)).met is False
    assert figure(1.0).met is None
    missed = figure(3.0, target=Target(most=2.0))
    assert result("readers", figure(1.0), missed).missed == [missed]


def test_results_come_back_as_they_were_saved_and_a_part_measured_again_replaces_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = {"commit": "abc"}
    monkeypatch.setattr(harness, "circumstances", lambda: dict(around))
    path = tmp_path / ".bench" / "results.json"
    target = Target(most=2.0)
    first = result("readers", figure(1.0, target=target)), result("full_sync", figure(5.0))
    again = result("readers", figure(2.0, target=target))
    harness.save(first, Options(), path)
    harness.save([again], Options(), path)
    assert harness.load(path) == ({"commit": "abc"}, [first[1], again])
    around["commit"] = "def"
    harness.save([again], Options(), path)  # what another commit did is no part of this one's
    assert harness.load(path)[1] == [again]


def test_the_page_keeps_all_but_what_stands_between_its_markers() -> None:
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    once = report.between_markers(page, "new")
    assert once == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    assert report.between_markers(once, "new") == once


def test_a_result_is_a_table_with_its_verdicts_in_the_terminal_and_on_the_page() -> None:
    shown = result("readers", figure(1.0, 9.0, 2.5, target=Target(most=2.0)), figure(1234.5))
    page = report.rendered({"kernel": "Linux"}, [shown])
    assert "| kernel | Linux |" in page
    assert "| a / b, cold (s) | 2.50 | 1.00 | 9.00 | at most 2 | **no** |" in page
    assert "| a / b, cold (s) | 1,234 | 1,234 | 1,234 |  |  |" in page
    assert page.endswith("- so")
    lines = harness.table(shown).splitlines()
    assert " ".join(lines[3].split()) == "a / b, cold (s) 2.50 1.00 9.00 at most 2 MISSED"
    assert lines[-1] == "so"


def test_a_sample_counts_for_the_innermost_part_it_passes_through() -> None:
    stacks = [
        "run (actors/mirror_writer.py:5);store (storage/rows.py:7);execute (threading.py:3) 6",
        "run (actors/mirror_writer.py:5) 2",
        "run (actors/worker.py:5);get (testio/client.py:1);loads (testio/bodies.py:2) 1",
        "main (run.py:1);load (<frozen importlib._bootstrap>:9);x (storage/rows.py:1) 90",
        "wait (threading.py:1) 1",
        " 50",
    ]
    assert by_part(stacks) == {"storing": 0.6, "actors": 0.2, "parsing": 0.1, "other": 0.1}
