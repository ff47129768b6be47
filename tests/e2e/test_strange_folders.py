"""A folder that came with somebody's project: its `.env` gets no token and no file of ours sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.homes import Home

TOKEN, BASE_URL = "TESTIO_CUSTOMER_API_TOKEN", "TESTIO_CUSTOMER_API_BASE_URL"
VERBS = [
    ("sync",),
    ("sync", "--dry-run"),
    ("check",),
    ("verify",),
    ("run",),
    ("init", "--non-interactive", "--token-file", "~/.vault-token"),
]
OURS = ["the environment", "a file that the environment names", "the configuration"]


@pytest.fixture
def victim(home: Home) -> Home:
    """Somebody with a token, and a file of another program, who stands in a strange folder."""
    home.settings |= {"HOME": str(home.folder), "XDG_CONFIG_HOME": str(home.folder / "xdg")}
    private(home.folder / ".vault-token", "hvs.of-the-vault")
    return home


def private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def gives_token(home: Home, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Home, "environment", environment_without(home, BASE_URL, TOKEN))
    if how == OURS[0]:
        home.environment[TOKEN] = "tok-en-of-the-user"
    elif how == OURS[1]:
        home.environment[f"{TOKEN}_FILE"] = str(home.folder / ".vault-token")
    else:
        file = home.folder / "xdg" / "testio-sync" / "config.toml"
        private(file, f"{TOKEN} = 'tok-en-of-the-user'")


def environment_without(home: Home, *names: str) -> dict[str, str]:
    return {name: value for name, value in home.environment.items() if name not in names}


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize(
    "lines",
    [
        (),
        (f"{TOKEN}_FILE=~/.vault-token",),
        (f"{TOKEN}=of-the-folder-itself",),
        (f"{TOKEN}=of-the-folder-itself", f"{TOKEN}_FILE=~/.vault-token"),
    ],
    ids=["url alone", "url and file", "url and token", "all of them"],
)
def test_no_verb_sends_anything_of_the_user(
    victim: Home, words: tuple[str, ...], lines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_token(victim, OURS[0], monkeypatch)
    private(victim.folder / ".env", "\n".join((f"{BASE_URL}={victim.simulator.base_url}", *lines)))
    shown = victim.run(*words, expect=2)
    assert victim.simulator.requests() == []
    assert BASE_URL in shown.stdout + shown.stderr
    assert ".env" in shown.stdout + shown.stderr


@pytest.mark.parametrize("how", OURS)
def test_wherever_the_token_is_from(
    victim: Home, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gives_token(victim, how, monkeypatch)
    url = victim.simulator.base_url
    for text in (f"{BASE_URL}={url}", f"export testio_customer_api_base_url='{url}'"):
        private(victim.folder / ".env", text)
        victim.run("sync", expect=2)
        victim.run("check", expect=2)
    assert victim.simulator.requests() == []


def test_a_folder_with_its_own_token_may_say_where_it_goes(
    victim: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Home, "environment", environment_without(victim, BASE_URL, TOKEN))
    text = f"{BASE_URL}={victim.simulator.base_url}\n{TOKEN}={victim.simulator.token}"
    private(victim.folder / ".env", text)
    victim.run("sync")
    assert victim.simulator.requests() != []
    assert os.environ.get(TOKEN) is None
