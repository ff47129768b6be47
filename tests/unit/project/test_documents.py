"""The documents tell the truth: settings, columns, events, verbs, statuses, links."""

from __future__ import annotations

import re
import sqlite3
import tomllib
from pathlib import Path

import pytest

from cli.main import VERBS
from config.settings import Settings
from rules.diagnosis.of_machine import NEWEST_PYTHON_TRIED
from rules.run.events import EventName
from service.exit_status import ExitStatus
from storage.engine.database import Database
from storage.schema import metadata
from tests.supply.complete import PYTHONS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCHEMA = (ROOT / "docs" / "schema.md").read_text(encoding="utf-8")


def test_the_readme_lists_every_setting_with_its_description() -> None:
    for info in Settings.model_fields.values():
        row = next((x for x in README.splitlines() if f"| `{info.validation_alias}` |" in x), None)
        assert row is not None, f"{info.validation_alias} is missing in the README's table"
        assert info.description is not None
        assert info.description in row


def test_the_readme_shows_no_setting_that_does_not_exist() -> None:
    known = {str(info.validation_alias) for info in Settings.model_fields.values()}
    shown = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert shown == known


def test_the_readme_lists_every_exit_status() -> None:
    table = README.partition("## Exit statuses")[2]
    shown = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert shown == {int(status) for status in ExitStatus}


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_names_every_verb(verb: str) -> None:
    assert re.search(rf"`(testio-sync )?{verb}\b", README), f"{verb} is not in the README"


def test_the_schema_page_names_every_table_column_and_event() -> None:
    missing = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if f"`{column.name}`" not in SCHEMA
    ]
    missing += [name.value for name in EventName if f"`{name.value}`" not in SCHEMA]
    assert missing == []


def test_all_name_the_same_pythons() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    supported = [line.rpartition(" :: ")[2] for line in project["classifiers"]]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    *others, newest = supported
    assert project["requires-python"] == f">={supported[0]}"
    assert f"Python {', '.join(others)} and {newest}" in README
    assert f"Python {supported[0]} to {newest} " in README
    searched = " ".join(f"python{version}" for version in reversed(supported))
    assert f"for p in {searched} python3" in makefile
    assert f"PYTHONS := {' '.join(PYTHONS)}\n" in makefile
    assert list(PYTHONS)[: len(supported)] == supported
    assert PYTHONS[-1] == ".".join(map(str, NEWEST_PYTHON_TRIED)), "what `check` says"


def test_the_queries_of_the_readme_run(database: Database) -> None:
    queries = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)
    assert len(queries) >= 3
    with sqlite3.connect(database.path) as connection:
        for query in queries:
            connection.execute(query).fetchall()
    connection.close()


def test_every_file_that_the_security_page_names_is_there() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+/[A-Za-z0-9_./-]*)`", page))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
