"""What cannot go together is refused with one clear line, on the command line and the socket."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from werkzeug.test import Client

from cli.failures import UsageError
from cli.shared.asking import add_options, add_scope, body_of
from control.app import ControlApp
from control.protocol import StartRunBody
from rules.run.option_conflicts import EXCLUSIVE, contradiction

NAMES = ("product_ids", "phases", "since", "force", "incremental_only", "refresh_mutable", "nuke")
FLAGS: dict[str, list[str]] = {
    "product_ids": ["--product-ids", "18"],
    "phases": ["--phases", "tests"],
    "since": ["--since", "3 days ago"],
}
VALUES: dict[str, Any] = {"product_ids": [18], "phases": ["new_tests"], "since": "3 days ago"}

some_names = st.frozensets(st.sampled_from(NAMES))


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_scope(parser)
    add_options(parser)
    return parser.parse_args(words)


@given(names=some_names)
def test_the_rule_the_command_line_and_the_socket_agree(names: frozenset[str]) -> None:
    wrong = contradiction(names)
    assert (wrong is not None) == any(
        one in names and names & {*others} for one, others in EXCLUSIVE
    )
    words = [w for n in names for w in FLAGS.get(n, [f"--{n.replace('_', '-')}"])]
    body = {name: VALUES.get(name, True) for name in names}
    if wrong is None:
        assert body_of(parsed(*words)).given == names | {"trigger_source"}
        assert StartRunBody.model_validate(body).given == names | {"trigger_source"}
        return
    with pytest.raises(UsageError, match="cannot go with"):
        body_of(parsed(*words))
    with pytest.raises(ValidationError, match="cannot go with"):
        StartRunBody.model_validate(body)


def test_all_that_is_wrong_is_said_at_once_in_the_words_of_the_asker() -> None:
    with pytest.raises(UsageError) as caught:
        body_of(parsed("--nuke", "--dry-run", "--force", "--incremental-only"))
    assert str(caught.value) == (
        "--nuke cannot go with --incremental-only, --dry-run; "
        "--force cannot go with --incremental-only"
    )


@pytest.mark.parametrize("text", ["2999-01-01", "yesteryear", "1 day ago!", ""])
def test_a_since_that_means_nothing_or_lies_ahead(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed("--since", text)
    assert ended.value.code == 2
    assert "--since" in capsys.readouterr().err
    with pytest.raises(ValidationError):
        StartRunBody(since=text)  # type: ignore[arg-type]


def test_a_since_travels_as_an_instant() -> None:
    body = body_of(parsed("--since", "2 hours ago"))
    assert body.since is not None
    assert abs(datetime.now(UTC) - timedelta(hours=2) - body.since) < timedelta(minutes=1)
    assert StartRunBody.model_validate_json(body.model_dump_json()) == body


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"force": True, "incremental_only": True}, "force cannot go with incremental_only"),
        ({"nuke": True, "phases": ["products"]}, "nuke cannot go with phases"),
        ({"since": "2999-01-01"}, "since: is in the future"),
        ({"since": 5}, "since"),
        ({"force": "yes"}, "force"),
    ],
)
def test_the_socket_answers_400(body: dict[str, Any], says: str) -> None:
    client = Client(ControlApp(SimpleNamespace(start_run=None)))
    answer = client.post("/v1/runs", json=body)
    assert answer.status_code == 400
    assert says in cast(dict[str, str], answer.json)["error"]
