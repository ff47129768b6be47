"""What status, runs, export and the reading verbs say of a mirror, called as the program is."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from cli.main import main
from rules.model import SyncOptions
from tests.rig import Rig


@dataclass
class Program:
    """The command line on one mirror, in this process."""

    rig: Rig
    capsys: pytest.CaptureFixture[str]

    def run(self, *words: str, expect: int = 0) -> tuple[str, str]:
        """What it prints on stdout and stderr."""
        self.capsys.readouterr()
        try:
            status = main([*words, "--db", str(self.rig.database.path)])
        except SystemExit as error:  # how argparse ends
            status = int(error.code or 0)
        out, err = self.capsys.readouterr()
        assert status == expect, f"{words} ended with {status}\n{out}\n{err}"
        return out, err

    def json(self, *words: str) -> Any:
        """A document that it prints."""
        return json.loads(self.run(*words)[0])


@pytest.fixture
def program(
    make_rig: Callable[..., Rig],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Program:
    rig = make_rig(products=7, features=4, tests=40)
    monkeypatch.setenv("TESTIO_CUSTOMER_API_BASE_URL", rig.simulator.base_url)
    monkeypatch.setenv("TESTIO_CUSTOMER_API_TOKEN", rig.simulator.token)
    return Program(rig, capsys)


@pytest.fixture
def troubled(program: Program) -> Program:
    """Two runs: in the second one features may not be seen, and one test cannot be read."""
    rig = program.rig
    rig.sync()
    account = rig.simulator.account()
    sick, other = (product["id"] for product in account["products"][1:3])
    hidden = account["tests"][str(other)][20]["id"]
    rig.simulator.add_fault(kind="status", status=403, product_id=sick, path="*/features")
    rig.simulator.add_fault(kind="poison", test_id=hidden)
    rig.sync(SyncOptions(force=True))
    return program


def test_status_begins_with_what_needs_a_person_and_tells_of_a_hole_once(troubled: Program) -> None:
    text, _ = troubled.run("status")
    assert text.index("forbidden") < text.index("1 record of") < text.index("Last runs")
    assert text.count("cannot be read") == 1
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    document = troubled.json("status", "--json")
    assert [concern["code"] for concern in document["attention"]] == [
        "forbidden",
        "unreadable_records",
        "no_daemon",
    ]
    assert len(document["problems"]) == 2
    troubled.rig.simulator.clear_faults()
    troubled.rig.sync(SyncOptions(force=True))
    assert "Everything is complete and fresh." in troubled.run("status")[0]


def test_runs_are_listed_and_narrowed(troubled: Program) -> None:
    listed = troubled.json("runs", "--json")["runs"]
    assert [(run["id"], run["status"], run["at_work"]) for run in listed] == [
        (2, "partial", False),
        (1, "success", False),
    ]
    assert [run["id"] for run in troubled.json("runs", "--limit", "1", "--json")["runs"]] == [2]
    assert troubled.run("runs", "--status", "partial,failed")[0].count("partial") == 1
    assert "no runs with such a status" in troubled.run("runs", "--status", "failed")[0]
    assert "did you mean partial?" in troubled.run("runs", "--status", "partail", expect=2)[1]


def test_nothing_is_drawn_that_the_stream_cannot_show(
    troubled: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr("sys.stdout", stream)
    troubled.run("runs", "show", "2")
    troubled.run("status")
    stream.flush()
    shown = written.getvalue().decode("ascii")
    assert "####" in shown
    assert "\n  -> " in shown
    assert not re.search(r"\\u2\d", shown), "only names may have characters that it lacks"


def test_a_run_is_shown_with_its_time_line_and_what_to_do(troubled: Program) -> None:
    shown, _ = troubled.run("runs", "show", "2")
    for expected in (
        "options   force",
        "features, partial",
        "█",
        "forbidden: the remote does not allow it",
        "the token may not see this (403): this answer was asked for",
        "→ have the token (or this address) allowed",
    ):
        assert expected in shown, shown
    assert (
        "and " not in troubled.run("runs", "show", "2", "--all")[0].partition("forbidden")[0][-200:]
    )
    document = troubled.json("runs", "--json", "show", "2")
    failures = {failure["kind"]: failure for failure in document["failures"]}
    assert failures["holes"]["action"] == "testio-sync problems list"
    tests = next(phase for phase in document["phases"] if phase["phase"] == "new_tests")
    took = [product["duration_seconds"] for product in tests["products"]]
    assert len(took) == 7
    assert took == sorted(took, reverse=True)
    assert document["elapsed_seconds"] >= tests["offset_seconds"]


def test_of_many_products_the_slowest_are_shown(program: Program) -> None:
    program.rig.sync()
    assert program.run("runs", "show", "1")[0].count("\n  and 2 more\n") == 2
    assert "more" not in program.run("runs", "show", "1", "--all")[0]


def test_a_run_that_does_not_exist_is_answered_with_the_nearest(troubled: Program) -> None:
    said = "testio-sync: there is no run 9; the nearest: 1 and 2\n"
    assert troubled.run("runs", "show", "9", expect=2)[1] == said
    assert troubled.run("events", "--run", "9") == ("", said)


def test_a_run_without_events_says_so(program: Program) -> None:
    program.rig.sync()
    with program.rig.database.transaction() as connection:
        connection.execute("DELETE FROM sync_events")
    assert "no time line: its events" in program.run("runs", "show", "1")[0]
    assert "its events were removed" in program.run("events", "--run", "1")[1]


def test_export_says_what_it_wrote_and_what_it_needs(program: Program) -> None:
    program.rig.sync()
    files = program.json("export", "products", "freshness", "--to", "out", "--json")
    assert [(file["table"], file["rows"]) for file in files] == [("products", 7), ("freshness", 15)]
    assert "exists; --force" in program.run("export", "products", "--to", "out", expect=2)[1]
    table, _ = program.run("export", "tests", "--to", "tests.parquet")
    assert table.splitlines()[1].split()[:2] == ["tests", "280"]
    for words, said in (
        (("tets", "--to", "out"), "did you mean tests?"),
        (("tests", "bugs", "--to", "x.csv"), "name one table, or a folder"),
        (("tests", "--to", "x.csv", "--format", "parquet"), "contradict each other"),
        (("tests", "--to", "y.parquet", "--csv-safe"), "goes with CSV only"),
    ):
        assert said in program.run("export", *words, expect=2)[1]


@pytest.mark.parametrize(
    ("words", "module"),
    [
        (("browse", "--no-open"), "service.browse.server"),
        (("export", "tests", "--to", "x.parquet"), "service.export.parquet_file"),
    ],
)
def test_a_missing_extra_is_named_with_how_to_get_it(
    program: Program, words: tuple[str, ...], module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.rig.sync()
    monkeypatch.setitem(__import__("sys").modules, module, None)
    error = program.run(*words, expect=2)[1]
    assert "pip install 'testio-sync[" in error
    assert error.count("\n") == 1


def test_browse_says_that_a_port_is_taken_and_that_there_is_no_mirror(program: Program) -> None:
    port = str(urlsplit(program.rig.simulator.base_url).port)
    assert f"port {port}" in program.run("browse", "--no-open", "--port", port, expect=2)[1]
    assert "from 0 to 65535" in program.run("browse", "--port", "70000", expect=2)[1]
    assert main(["browse", "--db", "nowhere.db"]) == 6


def test_the_reading_verbs_count_what_they_show_and_name_the_nearest_status(
    program: Program,
) -> None:
    program.rig.sync()
    out, err = program.run("tests", "--status", "runing", "archived", "--limit", "1")
    assert out.splitlines()[-1] == "1 test (of 7 products, from the database)"
    assert "have the status 'runing' (did you mean running?)" in err
    assert program.run("products")[0].splitlines()[-1] == "7 products (from the database)"
    assert "of 1 or more" in program.run("tests", "--limit", "0", expect=2)[1]
