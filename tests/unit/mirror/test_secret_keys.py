"""What grants access is told by its key; what the API documents stays."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.secret_keys import HARMLESS, may_hold_secrets, without_secrets

FIXTURES = Path(__file__).parents[2] / "fixtures"

SECRET = [
    *("password", "pass", "pwd", "pin", "basic_auth", "basicAuth", "api_key", "apiKey", "API-KEY"),
    *("login", "secret", "client_secret", "token", "accessToken", "credentials", "httppassword"),
    *("HTTP_Password", "X-Auth-Token", "user_name", "username", "access", "access_claims"),
    *("privateKey", "environment_password", "test_environment_access", "pass_phrase", "PIN"),
    *("token_environment", "passwordOfEnvironment"),
]
HARMLESS_KEYS = [
    *("passed", "passed_features", "passed_user_stories", "access_type", "login_required", "key"),
    *("pinned", "author", "authored_at", "spinner", "tokenized", "passenger", "compass"),
    *(
        "pass_rate",
        "accessibility",
        "secretary",
        "keyboard",
        "external_idx",
        "auto_accepted",
        "opinion",
        "remote_access",
        "early_beta_access",
    ),
]
ENVIRONMENT = {
    "id": 9,
    "title": "Preview",
    "url": "https://u:hunter2@stage.example.com/",
    "access_type": "basic",
    "note": "hunter2",
    "more": [{"kept": "hunter2"}],
}
CLEAN = {
    "id": 9,
    "title": "Preview",
    "url": "https://stage.example.com/",
    "access_type": "basic",
}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SECRET[:6], *HARMLESS_KEYS[:4], "test_environment", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("key", SECRET)
@pytest.mark.parametrize("secret", ["hunter2", 1234, ["hunter2"], {"a": "hunter2"}])
def test_what_goes_by_the_name_of_a_secret_is_dropped(key: str, secret: object) -> None:
    assert without_secrets({"a": [{"b": 1, key: secret}]}) == {"a": [{"b": 1}]}


@pytest.mark.parametrize("key", HARMLESS_KEYS)
def test_what_only_looks_like_one_stays(key: str) -> None:
    record = {"a": [{key: "text"}]}
    assert without_secrets(record) is record


@pytest.mark.parametrize("key", SECRET)
@pytest.mark.parametrize("nothing", [None, True, False])
def test_that_there_is_none_gives_nothing_away(key: str, nothing: object) -> None:
    assert without_secrets({key: nothing}) == {key: nothing}


@pytest.mark.parametrize(
    "key",
    ["test_environment", "environment", "environments", "testEnvironment", "old-environment"],
)
def test_of_an_environment_only_what_is_known_is_kept(key: str) -> None:
    assert without_secrets({key: ENVIRONMENT}) == {key: CLEAN}
    assert without_secrets([{"b": {key: [ENVIRONMENT]}}]) == [{"b": {key: [CLEAN]}}]


def test_a_part_of_an_environment_in_a_key_of_its_own() -> None:
    record = {
        "environment_id": 9,
        "environment_url": "https://u:hunter2@stage.example.com/",
        "environment_access_type": "basic",
        "environment_test_information": "hunter2",
        "environment_hints": ["hunter2"],
        "test_environment_notes": [{"text": "hunter2"}],
        "environments": ["Preview", "https://u:hunter2@b"],
    }
    assert without_secrets(record) == {
        "environment_id": 9,
        "environment_url": "https://stage.example.com/",
        "environment_access_type": "basic",
        "test_environment_notes": [{}],
        "environments": ["Preview", "https://b"],
    }


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("//u:hunter2@stage.example.com/a", "//stage.example.com/a"),
        ("u:hunter2@stage.example.com/a", "stage.example.com/a"),
        ("https://u:hun/ter2@stage.example.com/a", "https://stage.example.com/a"),
        (r"https:\\u:hunter2@stage.example.com", r"https:\\stage.example.com"),
        ("https://stage.example.com:8443/a@b", "https://stage.example.com:8443/a@b"),
        ("stage.example.com/?mail=a:b@c", "stage.example.com/?mail=a:b@c"),
    ],
)
def test_urls_lose_user_and_password_however_they_are_written(url: str, kept: str) -> None:
    assert without_secrets({"environment": {"url": url}}) == {"environment": {"url": kept}}


@given(values)
def test_it_changes_nothing_that_it_is_given_and_nothing_twice(value: Any) -> None:
    before = copy.deepcopy(value)
    once = without_secrets(value)
    assert value == before
    assert without_secrets(once) == once


@given(values)
def test_every_environment_is_within_the_list(value: Any) -> None:
    def look(value: Any, *, inside: bool) -> None:
        if isinstance(value, dict):
            assert not inside or value.keys() <= HARMLESS
            for key, item in value.items():
                look(item, inside=inside or key == "test_environment")
        for item in value if isinstance(value, list) else ():
            look(item, inside=inside)

    look(without_secrets(value), inside=False)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.json")), ids=lambda path: path.stem)
def test_the_vendors_examples_lose_nothing_but_secrets(path: Path) -> None:
    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set[str]().union(*map(keys, value)) if isinstance(value, list) else set()

    example = json.loads(path.read_text())
    lost = keys(example) - keys(without_secrets(example))
    assert lost <= {"username", "password", "access", "x-amz-credential"}


def test_what_cannot_be_read_is_judged_by_its_keys() -> None:
    assert may_hold_secrets("{'id': 1, 'test_environment': {'id': 2, 'pass")
    assert may_hold_secrets('{"api_key": "x", "')
    assert not may_hold_secrets("{'id': 1, 'title': 'the password: hunter2', 'passed': 3")
    assert not may_hold_secrets("no JSON")
