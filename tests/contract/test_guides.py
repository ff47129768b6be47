"""The examples of the vendor's guide, as the shapes that our parsers must take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rules.records import FeatureRecord, ProductRecord, TestRecord
from testio import payloads
from testio.payloads import Rows

FIXTURES = Path(__file__).parents[1] / "fixtures"
INDEX: list[dict[str, Any]] = json.loads((FIXTURES / "index.json").read_text())
FILES = {entry["file"]: entry for entry in INDEX if entry["file"] is not None}

PARSED_KINDS = ("products", "product", "features", "exploratory_test", "exploratory_tests")

A_WRITE = "the answer to a write; the mirror only reads"
NO_STORIES = "user stories come inside features"
NO_APPS = "uploads of apps are not mirrored"
NO_CONNECTIONS = "connections to trackers are not mirrored"
NO_PARSER_OF_BUGS = "bugs are read on demand only; testio/ has no parser for them"
ERROR_BODY = "decisions look at the status; the body of an error is not read"
NOT_READ = {
    "feature_create.json": A_WRITE,
    "bug_accept.json": A_WRITE,
    "bug_reject.json": A_WRITE,
    "bugs_list.json": NO_PARSER_OF_BUGS,
    "bug_get.json": NO_PARSER_OF_BUGS,
    "bug_export_webhook.json": "sent by the vendor to its customer, not an answer",
    "user_story_get.json": NO_STORIES,
    "user_stories_list.json": NO_STORIES,
    "user_story_create.json": A_WRITE,
    "user_story_update.json": A_WRITE,
    "user_story_delete.json": A_WRITE,
    "user_story_version_executions_list.json": "executions are not mirrored",
    "binary_app_upload.json": NO_APPS,
    "binary_app_upload_url.json": NO_APPS,
    "binary_app_finalize.json": NO_APPS,
    "connection_create.json": NO_CONNECTIONS,
    "connection_get.json": NO_CONNECTIONS,
    "connection_update.json": NO_CONNECTIONS,
    "connection_delete.json": NO_CONNECTIONS,
    "error_400_missing_params.json": ERROR_BODY,
    "error_422_not_found_in_storage.json": ERROR_BODY,
    "error_422_validation.json": ERROR_BODY,
}


def files(*kinds: str) -> list[str]:
    return [name for name, entry in FILES.items() if entry["kind"] in kinds]


def content(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def items(name: str, key: str) -> list[dict[str, Any]]:
    """The records of a file: of a list, in a single envelope, or bare."""
    whole = content(name)
    single = key.removesuffix("s")
    found: Any = whole
    if isinstance(whole, dict):
        found = whole.get(key, whole.get(single, whole))
    rows: list[dict[str, Any]] = found if isinstance(found, list) else [found]
    return rows


def listed(name: str, key: str) -> bytes:
    """The file's records in the list envelope that the parsers read."""
    whole = content(name)
    if isinstance(whole, dict) and key in whole:
        return (FIXTURES / name).read_bytes()
    return json.dumps({key: items(name, key)}).encode()


def kept(rows: Rows[ProductRecord] | Rows[FeatureRecord] | Rows[TestRecord]) -> list[Any]:
    assert rows.bad_rows == (), [row.reason for row in rows.bad_rows]
    return [json.loads(record.data) for record in rows.records]


def test_every_file_is_in_the_index_and_parsed_or_known_as_not_read() -> None:
    on_disk = {path.name for path in FIXTURES.iterdir()} - {"index.json"}
    assert on_disk == set(FILES), "the index and the folder differ"
    parsed = set(files(*PARSED_KINDS))
    assert parsed.isdisjoint(NOT_READ), parsed & set(NOT_READ)
    assert parsed | set(NOT_READ) == on_disk, "neither parsed nor listed as not read, or gone"
    assert len(parsed) >= 10, f"few files are parsed: {sorted(parsed)}"


@pytest.mark.parametrize("name", files("products", "product"))
def test_products(name: str) -> None:
    truth = items(name, "products")
    rows = payloads.products(listed(name, "products"))
    assert kept(rows) == truth, "fields were lost"
    for record, product in zip(rows.records, truth, strict=True):
        assert (record.id, record.name) == (product["id"], product["name"])
        assert record.product_type is None, "the guide's examples have none"
        assert (record.has_sections, record.section_ids) == (False, ())
        assert json.loads(record.data)["default_section_id"] == product["default_section_id"]


@pytest.mark.parametrize("name", files("features"))
def test_features_and_their_user_stories(name: str) -> None:
    truth = items(name, "features")
    rows = payloads.features(listed(name, "features"), 701)
    assert kept(rows) == truth, "fields were lost"
    for record, feature in zip(rows.records, truth, strict=True):
        assert (record.id, record.title) == (feature["id"], feature["title"])
        assert (record.product_id, record.section_ids) == (701, None), "nobody tells"
        assert json.loads(record.data)["user_stories"] == feature["user_stories"]
        assert feature["user_stories"], "the example should have user stories"


def test_user_stories_come_in_both_forms() -> None:
    forms = {
        type(story)
        for name in files("features")
        for record in payloads.features(listed(name, "features"), 701).records
        for story in json.loads(record.data)["user_stories"]
    }
    assert forms == {str, dict}


@pytest.mark.parametrize("name", files("exploratory_test", "exploratory_tests"))
def test_exploratory_tests(name: str) -> None:
    truth = items(name, "exploratory_tests")
    rows = payloads.tests(listed(name, "exploratory_tests"), 701, offset=0)
    assert kept(rows) == [without_metrics(test) for test in truth], "fields were lost"
    for record, test in zip(rows.records, truth, strict=True):
        assert_is(record, test)
    if "exploratory_test" in content(name):
        assert_is(payloads.test((FIXTURES / name).read_bytes(), 701), truth[0])


def assert_is(record: TestRecord, test: dict[str, Any]) -> None:
    """The record holds this test of the guide; the abridged examples lack most fields."""
    assert (record.id, record.product_id) == (test["id"], 701)
    assert record.title == test.get("title", test.get("test_title"))
    assert record.status == test.get("status")
    for name in ("start_at", "end_at"):
        assert (getattr(record, name) is None) is (test.get(name) is None), name
    data = json.loads(record.data)
    assert data == without_metrics(test), "or each test would change with each form"


METRICS = ("analytics", "execution_status", "tester_count", "bugs_found", "bug_ids")


def without_metrics(test: dict[str, Any]) -> dict[str, Any]:
    """As a list tells it, where user stories are texts."""
    features = [
        {key: value for key, value in feature.items() if key not in METRICS}
        | {"user_stories": [s if isinstance(s, str) else s["title"] for s in stories]}
        for feature in test["features"]
        for stories in [feature["user_stories"]]
    ]
    return {k: v for k, v in test.items() if k not in METRICS} | {"features": features}


@pytest.mark.parametrize("name", files("exploratory_test"))
def test_what_only_a_single_test_tells_is_kept_apart(name: str) -> None:
    (truth,) = items(name, "exploratory_tests")
    metrics = json.loads(payloads.test((FIXTURES / name).read_bytes(), 701).metrics or "")
    assert metrics.get("analytics") == truth.get("analytics")
    for measured, feature in zip(metrics["features"], truth["features"], strict=True):
        expected = {key: feature[key] for key in ("id", "feature_id", *METRICS) if key in feature}
        if isinstance(feature["user_stories"][0], dict):
            expected["user_stories"] = feature["user_stories"]
        assert measured == expected
