"""The form in which a row was read is no change; what only some forms tell is known, or not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from config.loading import load_settings
from rules.mirror.fetching import Entity, FetchState, Subject
from rules.mirror.secret_keys import without_secrets
from rules.model import RunStatus, SyncOptions, SyncPhase, SyncResult
from service.checkup.rebuild import CannotRebuild, Rebuilt, open_damaged
from service.read_through.fetcher import Fetcher
from storage.engine.database import Database
from storage.engine.migrate import migrate
from storage.reads.comparing import compare_mirrors
from storage.writes.fetched_rows import FetchedRows
from tests.damage import PAGE
from tests.fakes import START
from tests.old_mirrors import fill_old, make_old
from tests.rig import Rig

MakeRig = Callable[..., Rig]
FORCE = SyncOptions(force=True)


def make(make_rig: MakeRig, **options: Any) -> Rig:
    return make_rig(**{"products": 3, "section_products": 2, "features": 6, "tests": 8} | options)


def rows_of(rig: Rig, table: str) -> list[Any]:
    return rig.sql(f"SELECT id, content_hash, changed_at, data FROM {table} ORDER BY id")


def unchanged(rig: Rig, result: SyncResult) -> None:
    assert result.status is RunStatus.SUCCESS, result.errors
    assert rig.sql("SELECT rows_changed FROM sync_runs WHERE id = ?", result.run_id) == [(0,)]


def with_sections(rig: Rig) -> list[int]:
    return [row[0] for row in rig.sql("SELECT id FROM products WHERE has_sections = 1")]


def plain_answers(rig: Rig, *, answers: bool) -> None:
    """Whether the plain endpoint does, from now on."""
    rig.simulator.clear_faults()
    if not answers:
        for product in with_sections(rig):
            path = f"/products/{product}/features"
            rig.simulator.add_fault(kind="status", status=404, path=path)


def memberships(rig: Rig) -> set[tuple[int, int]]:
    return {
        (feature, section)
        for feature, section in rig.sql(
            "SELECT feature_id, section_id FROM feature_sections WHERE deleted_at IS NULL"
        )
    }


def truth(rig: Rig) -> set[tuple[int, int]]:
    return {
        (feature["id"], section)
        for features in rig.simulator.account()["features"].values()
        for feature in features
        for section in feature.get("section_ids", ())
    }


@pytest.mark.parametrize("first", [True, False])
def test_features_by_section_and_plain_are_the_same(make_rig: MakeRig, first: bool) -> None:
    rig = make(make_rig)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    plain_answers(rig, answers=first)
    rig.sync()
    before = rows_of(rig, "features")
    for answers in (not first, first):
        plain_answers(rig, answers=answers)
        unchanged(rig, rig.sync(FORCE))
        assert rows_of(rig, "features") == before
        assert memberships(rig) == truth(rig)
    assert rig.differences() == []


def test_a_product_with_sections_has_its_features_in_their_sections(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    assert rig.sync().status is RunStatus.SUCCESS
    assert memberships(rig) == truth(rig) != set()
    assert rig.sql("SELECT count(*) FROM features WHERE section_ids IS NULL") == [(0,)]
    told = rig.sql("SELECT kind, sections_as_of IS NOT NULL FROM freshness GROUP BY 1, 2")
    assert told == [("features", 1), ("products", 0), ("tests", 0)]


def test_in_between_the_plain_list_is_enough_and_takes_no_membership_away(
    make_rig: MakeRig,
) -> None:
    rig = make(make_rig)
    rig.sync()
    product = with_sections(rig)[0]
    feature = rig.simulator.account()["features"][str(product)][0]["id"]
    rig.simulator.mutate("change", "feature", product_id=product, id=feature, fields={"title": "x"})
    result = rig.sync()
    assert rig.requests("/sections/") == 0
    assert rig.sql("SELECT rows_changed FROM sync_runs WHERE id = ?", result.run_id) == [(1,)]
    assert memberships(rig) == truth(rig)
    assert rig.differences() == []


def test_a_new_feature_has_the_sections_of_its_product_asked_once(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    rig.sync()
    product = with_sections(rig)[0]
    sections = json.loads(rig.sql("SELECT section_ids FROM products WHERE id = ?", product)[0][0])
    rig.simulator.mutate("add", "feature", product_id=product)
    unchanged(rig, rig.sync())
    assert rig.requests("/sections/") == len(sections)
    assert memberships(rig) == truth(rig)
    rig.sync()
    assert rig.requests("/sections/") == 0


def test_a_feature_that_moves_to_another_section_has_changed(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    rig.sync()
    product = with_sections(rig)[0]
    feature = rig.simulator.account()["features"][str(product)][0]
    sections = json.loads(rig.sql("SELECT section_ids FROM products WHERE id = ?", product)[0][0])
    to = next(key for key in sections if key not in feature["section_ids"])
    before, content = rig.database.path.with_name("before.db"), rows_of(rig, "features")
    rig.database.backup_to(before)
    rig.simulator.mutate(
        "change", "feature", product_id=product, id=feature["id"], fields={"section_ids": [to]}
    )
    result = rig.sync(FORCE)
    assert rig.sql("SELECT rows_changed FROM sync_runs WHERE id = ?", result.run_id) == [(1,)]
    assert memberships(rig) == truth(rig)
    now = rows_of(rig, "features")
    assert [row[0] for row, was in zip(now, content, strict=True) if row != was] == [feature["id"]]
    assert [(row[1], row[3]) for row in now] == [(row[1], row[3]) for row in content]
    told = [str(each) for each in compare_mirrors(before, rig.database.path, run_id=result.run_id)]
    assert told == [f"features {feature['id']} changed: section_ids"]
    unchanged(rig, rig.sync(FORCE))


def test_a_section_that_fails_keeps_what_was_known_and_the_features(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    product = with_sections(rig)[0]
    failing = rig.simulator.add_fault(kind="status", status=404, path=f"/products/{product}/sect*")
    first = rig.sync()
    assert first.status is RunStatus.PARTIAL
    (problem,) = first.errors
    assert problem.product_id == product
    assert "in which sections" in problem.message
    assert rig.differences() == [], "the features are there"
    of_product = "FROM features WHERE product_id = ? AND section_ids IS NULL"
    assert rig.sql(f"SELECT count(*) {of_product}", product) == [(6,)], "not known is not none"
    fresh = (
        "SELECT sections_as_of IS NULL, complete_as_of IS NULL, failing_since IS NULL"
        " FROM freshness WHERE product_id = ? AND kind = 'features'"
    )
    assert rig.sql(fresh, product) == [(1, 0, 0)]
    rig.simulator.remove_fault(failing)
    unchanged(rig, rig.sync())
    assert rig.sql(fresh, product) == [(0, 0, 1)]
    assert memberships(rig) == truth(rig)
    rig.simulator.add_fault(kind="status", status=404, path=f"/products/{product}/sect*")
    assert rig.sync(FORCE).status is RunStatus.PARTIAL
    assert memberships(rig) == truth(rig), "what was known stays"


def sections_told(rig: Rig, product: int) -> list[dict[str, Any]]:
    """Those that the product's list of all sections has."""
    told = next(each for each in rig.simulator.account()["products"] if each["id"] == product)
    return list(told["sections_with_default"])


def tell_sections(rig: Rig, product: int, sections: list[dict[str, Any]]) -> None:
    """From now on the product has these."""
    fields = {"sections": [], "sections_with_default": sections}
    rig.simulator.mutate("change", "product", id=product, fields=fields)


def put(rig: Rig, product: int, feature: int, *sections: int) -> None:
    fields = {"section_ids": list(sections)}
    rig.simulator.mutate("change", "feature", product_id=product, id=feature, fields=fields)


SECTIONS_KNOWN = (
    "SELECT sections_as_of IS NOT NULL FROM freshness WHERE product_id = ? AND kind = 'features'"
)


def test_a_section_that_comes_up_has_the_sections_asked_once(
    make_rig: MakeRig,
) -> None:
    rig = make(make_rig)
    rig.sync()
    product, *others = with_sections(rig)
    feature = rig.simulator.account()["features"][str(product)][0]["id"]
    told = sections_told(rig, product)
    tell_sections(rig, product, [*told, {"id": 9_999, "name": "New"}])
    put(rig, product, feature, told[0]["id"], 9_999)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    assert rig.sql(SECTIONS_KNOWN, product) == [(0,)], "what is known is known no more"
    assert all(rig.sql(SECTIONS_KNOWN, other) == [(1,)] for other in others)
    rig.sync()
    assert rig.requests("/sections/") == len(told) + 1
    assert rig.sql(SECTIONS_KNOWN, product) == [(1,)]
    assert memberships(rig) == truth(rig)
    assert (feature, 9_999) in memberships(rig)
    rig.sync()
    assert rig.requests("/sections/") == 0


@pytest.mark.parametrize("answers", [True, False], ids=["plain", "by section"])
def test_no_feature_stands_in_a_section_that_is_gone(make_rig: MakeRig, answers: bool) -> None:
    rig = make(make_rig)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    plain_answers(rig, answers=answers)
    rig.sync()
    product = with_sections(rig)[0]
    told = sections_told(rig, product)
    gone = told[-1]["id"]
    for feature in rig.simulator.account()["features"][str(product)]:
        put(rig, product, feature["id"], *{told[0]["id"], *feature["section_ids"]} - {gone})
    tell_sections(rig, product, told[:-1])
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    assert gone not in {section for _feature, section in memberships(rig)}
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests(f"/products/{product}/sections/") == len(told) - 1
    assert memberships(rig) == truth(rig)
    back = [*told[:-1], told[-1] | {"name": "Back"}]
    tell_sections(rig, product, back)
    put(rig, product, feature["id"], gone)
    assert rig.sync().status is RunStatus.SUCCESS
    assert memberships(rig) == truth(rig)


def test_while_changed_sections_cannot_be_read_that_is_told_and_tried_again(
    make_rig: MakeRig,
) -> None:
    rig = make(make_rig)
    rig.sync()
    product = with_sections(rig)[0]
    told = sections_told(rig, product)
    failing = rig.simulator.add_fault(kind="status", status=403, path=f"/products/{product}/sect*")
    tell_sections(rig, product, told[1:])
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
        assert rig.sql(SECTIONS_KNOWN, product) == [(0,)]
    assert told[0]["id"] not in {section for _feature, section in memberships(rig)}
    rig.simulator.remove_fault(failing)
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sql(SECTIONS_KNOWN, product) == [(1,)]


def test_the_features_of_a_product_whose_sections_are_gone_stand_in_none(
    make_rig: MakeRig,
) -> None:
    rig = make(make_rig)
    rig.sync()
    product = with_sections(rig)[0]
    rig.sync()
    tell_sections(rig, product, sections_told(rig, product)[:1])
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sql("SELECT DISTINCT section_ids FROM features WHERE product_id = ?", product) == [
        ("[]",)
    ]
    live = (
        "SELECT count(*) FROM feature_sections WHERE deleted_at IS NULL"
        " AND feature_id IN (SELECT id FROM features WHERE product_id = ?)"
    )
    assert rig.sql(live, product) == [(0,)]


def test_a_list_that_tells_the_sections_itself_is_enough(make_rig: MakeRig) -> None:
    rig = make(make_rig, section_ids_in_lists=True)
    rig.sync()
    assert rig.requests("/sections/") == 0
    rows = rig.sql("SELECT id, section_ids FROM features")
    told = {
        feature["id"]: feature.get("section_ids", [])
        for features in rig.simulator.account()["features"].values()
        for feature in features
    }
    assert {key: json.loads(value) for key, value in rows} == told
    assert memberships(rig) == truth(rig)


def test_a_plain_list_that_lacks_what_a_section_has_is_not_the_whole(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    for product in with_sections(rig):
        path = f"/products/{product}/features"
        rig.simulator.add_fault(kind="omit_rows", rows=2, path=path)
    for _ in range(3):
        assert rig.sync().status is RunStatus.SUCCESS
        assert rig.differences() == []
    assert rig.sql("SELECT count(*) FROM features WHERE deleted_at IS NOT NULL") == [(0,)]


def test_stories_as_texts_and_as_objects_are_the_same(
    make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment that does not expand user stories everywhere says less, and nothing else."""
    rig = make(make_rig)
    rig.sync()
    stories = rig.sql("SELECT * FROM user_stories ORDER BY id")
    features = rows_of(rig, "features")
    with monkeypatch.context() as there:
        there.setattr("simulator.api.Call.wants_stories", False)
        unchanged(rig, rig.sync(FORCE))
        assert rows_of(rig, "features") == features
        assert rig.sql("SELECT * FROM user_stories ORDER BY id") == stories
        rig.simulator.mutate("add", "feature", product_id=rig.products()[0])
        unchanged(rig, rig.sync(FORCE))
    unchanged(rig, rig.sync(FORCE))
    there_now = "SELECT count(*) FROM user_stories WHERE deleted_at IS NULL AND id < 0"
    assert rig.sql(there_now) == [(0,)], "each has the remote's id, as soon as that is told"
    assert rig.differences() == []


def fetch_singly(rig: Rig, test_ids: Iterable[int], subject: Subject = Subject.TEST) -> None:
    rows, path = FetchedRows(rig.database), rig.database.path
    client = rig.make_client(rig.simulator)
    with closing(Fetcher(client=client, rows=rows, path=path)) as fetcher:
        wanted = [Entity(subject, key) for key in test_ids]
        came = fetcher.refresh(wanted, START.replace(year=2100))
    assert {outcome.state for outcome in came.values()} == {FetchState.REFRESHED}


def single(rig: Rig, test_id: int) -> dict[str, Any]:
    """A test as it is answered by itself, without the secrets of its environment."""
    body = requests.get(
        f"{rig.simulator.base_url}/exploratory_tests/{test_id}",
        headers={"Authorization": f"Token {rig.simulator.token}"},
        timeout=5,
    ).json()["exploratory_test"]
    return cast(dict[str, Any], without_secrets(body))


def test_a_single_fetch_is_no_change_and_its_metrics_stay(make_rig: MakeRig) -> None:
    rig = make(make_rig)
    rig.sync()
    before = rows_of(rig, "tests")
    some = rig.tests(rig.products()[0])[:5]
    fetch_singly(rig, some)
    assert rows_of(rig, "tests") == before
    metrics = rig.sql("SELECT * FROM test_metrics ORDER BY test_id")
    assert [row[0] for row in metrics] == sorted(some)
    assert all(json.loads(row[2])["analytics"]["testers_count"] > 0 for row in metrics)
    unchanged(rig, rig.sync(FORCE))
    assert rows_of(rig, "tests") == before
    assert rig.sql("SELECT * FROM test_metrics ORDER BY test_id") == metrics


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
def test_the_first_run_after_an_upgrade_changes_nothing(
    make_rig: MakeRig, tmp_path: Path, revision: str
) -> None:
    """Features of both forms, tests from lists and fetched alone, products, bugs."""
    rig = make(make_rig, products=4, section_products=3)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    first, *_others = with_sections(rig)
    rig.simulator.add_fault(kind="status", status=404, path=f"/products/{first}/features")
    rig.sync()
    some = rig.tests(rig.products()[0])[:5]
    singles = {key: single(rig, key) for key in some}
    fetch_singly(rig, some, Subject.BUGS)
    bugs = "SELECT id, changed_at FROM bugs ORDER BY id"
    old = tmp_path / "old" / "testio.db"
    make_old(old, revision)
    fill_old(old, rig.database.path, singles)
    database = Database(old)
    try:
        migrate(database)
        upgraded = replace(rig, database=database)
        for result in (upgraded.sync(), upgraded.sync(FORCE)):
            unchanged(upgraded, result)
            assert upgraded.sql("SELECT rows_new FROM sync_runs WHERE id = ?", result.run_id) == [
                (0,)
            ]
        assert upgraded.differences() == []
        assert memberships(upgraded) == truth(upgraded)
        before = upgraded.sql(bugs)
        assert before == (rig.sql(bugs) if revision != "0001" else [])
        fetch_singly(upgraded, some, Subject.BUGS)
        assert before in ([], upgraded.sql(bugs))
    finally:
        database.close()


def test_a_row_that_holds_no_record_does_not_stop_an_upgrade(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    rig = make(make_rig, products=2, section_products=1)
    rig.sync()
    old = tmp_path / "old" / "testio.db"
    make_old(old, "0004")
    fill_old(old, rig.database.path, {})
    spoilt = {"tests": "no JSON", "features": "[1]", "products": "{"}
    with closing(sqlite3.connect(old)) as connection, connection:
        for table, data in spoilt.items():
            least = f"(SELECT min(id) FROM {table})"
            connection.execute(f"UPDATE {table} SET data = ? WHERE id = {least}", (data,))
            connection.execute(f"UPDATE {table} SET content_hash = 'x' WHERE id = {least}")
    upgraded = replace(rig, database=Database(old))
    migrate(upgraded.database)
    for table, data in spoilt.items():
        assert upgraded.sql(f"SELECT data FROM {table} ORDER BY id LIMIT 1") == [(data,)]
    assert upgraded.sync(FORCE).status is RunStatus.SUCCESS
    assert upgraded.differences() == []
    upgraded.database.close()


TOMBSTONES = "SELECT id, deleted_at FROM {} WHERE deleted_at IS NOT NULL ORDER BY id"
TABLES = ("products", "features", "tests", "bugs")


@pytest.fixture
def with_tombstones(make_rig: MakeRig) -> tuple[Rig, dict[int, dict[str, Any]]]:
    """Rows of every form, some of each gone; and the tests that were fetched by themselves."""
    rig = make(make_rig, products=4, section_products=3)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    by_section, plain, _third = with_sections(rig)
    path = f"/products/{by_section}/features"
    rig.simulator.add_fault(kind="status", status=404, path=path)
    rig.sync()
    some = rig.tests(rig.products()[0])[:4]
    singles = {key: single(rig, key) for key in some}
    fetch_singly(rig, some)
    fetch_singly(rig, some, Subject.BUGS)
    account = rig.simulator.account()
    for product in (by_section, plain, rig.products()[0]):
        feature = account["features"][str(product)][0]["id"]
        rig.simulator.mutate("delete", "feature", product_id=product, id=feature)
    rig.simulator.mutate("delete", "test", id=some[0])
    rig.simulator.mutate("delete", "product", id=rig.products()[-1])
    rig.sync(FORCE)
    with rig.database.transaction() as connection:
        connection.execute("UPDATE bugs SET deleted_at = synced_at WHERE id % 2")
    for table in TABLES:
        assert rig.sql(TOMBSTONES.format(table)), table
    assert len(rig.sql(TOMBSTONES.format("features"))) > 3
    return rig, singles


def rebuilt(path: Path, url: str) -> Rebuilt:
    """The root page of `sync_events` is lost."""
    flags = {"TESTIO_DB_PATH": str(path), "TESTIO_CUSTOMER_API_BASE_URL": url}
    settings = load_settings(flags=flags, config_file=None, env_file=None)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'sync_events'"
        root = connection.execute(query).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    with open_damaged(settings) as found:
        return found.rebuild(dry_run=False)


def test_a_rebuild_loses_no_tombstone_of_any_form(
    with_tombstones: tuple[Rig, dict[int, dict[str, Any]]], tmp_path: Path
) -> None:
    rig, _singles = with_tombstones
    path = tmp_path / "damaged" / "testio.db"
    path.parent.mkdir()
    rig.database.backup_to(path)
    came = rebuilt(path, rig.simulator.base_url)
    assert [t.name for t in came.tables if t.refused] == []
    assert [t.name for t in came.tables if t.is_cut] == ["sync_events"]
    saved = replace(rig, database=Database(path))
    for table in TABLES:
        assert saved.sql(TOMBSTONES.format(table)) == rig.sql(TOMBSTONES.format(table)), table
    measured = "SELECT * FROM test_metrics ORDER BY test_id"
    assert saved.sql(measured) == rig.sql(measured) != []
    saved.sync()
    for table in TABLES:
        assert saved.sql(TOMBSTONES.format(table)) == rig.sql(TOMBSTONES.format(table)), table
    assert memberships(saved) == truth(saved)
    saved.database.close()


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004"])
def test_a_damaged_database_of_an_older_schema_loses_none_either(
    with_tombstones: tuple[Rig, dict[int, dict[str, Any]]], tmp_path: Path, revision: str
) -> None:
    rig, singles = with_tombstones
    path = tmp_path / "damaged" / "testio.db"
    make_old(path, revision)
    fill_old(path, rig.database.path, singles)
    tables = [table for table in TABLES if table != "bugs" or revision != "0001"]
    url = rig.simulator.base_url
    flags = {"TESTIO_DB_PATH": str(path), "TESTIO_CUSTOMER_API_BASE_URL": url}
    settings = load_settings(flags=flags, config_file=None, env_file=None)
    with pytest.raises(CannotRebuild, match="is whole"), open_damaged(settings):
        pass
    came = rebuilt(path, url)
    assert [t.name for t in came.tables if t.refused] == []
    assert [t.name for t in came.tables if t.is_cut] == ["sync_events"]
    saved = replace(rig, database=Database(path))
    for table in tables:
        assert saved.sql(TOMBSTONES.format(table)) == rig.sql(TOMBSTONES.format(table)), table
    saved.database.close()
