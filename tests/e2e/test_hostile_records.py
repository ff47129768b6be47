"""Names and titles come from strangers: what they write is kept as it is and moves nothing."""

from __future__ import annotations

import pytest

from tests.homes import Home

CLEAR_SCREEN = "\x1b[2J\x1b]0;owned\x07"
NEW_LINE = '\r\n{"level": "info", "event": "run_finished", "status": "success"}'
RIGHT_TO_LEFT = "\u202egnp.exe\u200b"
SQL = "x'); DROP TABLE tests; --"
MARKUP = "[bold red]x[/] <script>alert(1)</script>"
HOSTILE = f"{SQL}{CLEAR_SCREEN}{NEW_LINE}{RIGHT_TO_LEFT}{MARKUP}"
"""A tester of the account, or who stands between, can put this into any text."""

FORBIDDEN = ("\x1b", "\x07", "\r", "\u202e", "\u200b", "\x9b")


@pytest.fixture
def product(home: Home) -> str:
    """A product whose every text is hostile, and whose features cannot be read, in the mirror."""
    number = home.simulator.account()["products"][0]["id"]
    test = home.simulator.account()["tests"][str(number)][0]["id"]
    home.simulator.mutate("change", "product", id=number, fields={"name": HOSTILE})
    fields = {"title": HOSTILE, "status": HOSTILE}
    home.simulator.mutate("change", "test", id=test, fields=fields)
    home.simulator.add_fault(
        kind="redirect",
        location=f"https://evil.example/{MARKUP}",
        path=f"*/products/{number}/features",
    )
    return str(number)


def test_hostile_texts_move_nothing_on_a_terminal_in_the_log_or_in_sql(
    home: Home, product: str
) -> None:
    home.settings |= {"LOG_LEVEL": "DEBUG"}
    shown = {}
    for log_format in ("json", "console"):
        home.settings["LOG_FORMAT"] = log_format
        synced = home.run("sync", expect=None)
        shown[f"sync, {log_format}"] = synced.stdout + synced.stderr
    assert home.sql("SELECT name FROM products WHERE id = ?", product) == [(HOSTILE,)], "as it is"
    assert home.sql("SELECT count(*) FROM tests WHERE title = ? AND status = title", HOSTILE) == [
        (1,)
    ]
    for words in (
        ("status",),
        ("products",),
        ("tests", "--product-ids", product),
        ("tests", "--product-ids", product, "--status", HOSTILE),
        ("runs", "show", "1"),
        ("events",),
        ("problems", "list"),
    ):
        ended = home.run(*words, expect=None)
        shown[" ".join(words[:2])] = ended.stdout + ended.stderr
    assert "DROP TABLE" in shown["tests --product-ids"], "the row is shown"
    assert "evil.example" in shown["runs show"], "and why the features failed"
    found = {what: [sign for sign in FORBIDDEN if sign in text] for what, text in shown.items()}
    assert not any(found.values()), found
    forged = [line for text in shown.values() for line in text.splitlines() if line.startswith("{")]
    assert not any(line.startswith('{"level"') for line in forged), "our lines begin with the time"
