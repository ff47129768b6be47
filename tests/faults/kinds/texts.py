"""25: names and titles that would move a cursor, forge a line of the log, or break a parser."""

from __future__ import annotations

import json
import re
import sys

from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.terminals import on_a_terminal

NASTY = (
    '\n{"level": "info", "event": "run_finished", "status": "success"}',
    "\r\nforged\r",
    "\x1b[2J\x1b[1;1H",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x9b31mC1\x9d0;t\x9c\x85\x84",
    "\u2028\u2029\x0b\x0c\x1c\x1d\x1e",
    "\u202e\u2066gnp.exe\u2069\u200f\u061c",
    "\u200b\ufeff\u00ad\U000e0041",
    "\x00NUL\x08\x7f\t",
    "\ud7ff\ue000\uffff\U0010ffff",
    "[bold red]x[/] [link=file:///etc/passwd]y[/link] %s {0}",
    "e\u0301" * 20 + "\u0336" * 50,
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
VERBS: tuple[tuple[str, ...], ...] = (
    ("products",),
    ("features",),
    ("tests",),
    ("tests", "--json"),
    ("status",),
    ("problems", "list"),
    ("deletions", "list"),
    ("events",),
    ("runs",),
    ("runs", "show", "2"),
    ("logs", "--lines", "1000"),
    ("logs", "--pretty", "--lines", "1000"),
    ("health",),
)


@fault(25, "texts that steer terminals and logs", short=1, long=20)
def nasty_texts(trial: Trial) -> None:
    """In names, titles, states and stories; and half characters, which cannot be stored."""
    home = trial.home
    log_file = home.folder / "daemon.log"
    home.settings |= {"LOG_LEVEL": "DEBUG", "LOG_FILE": str(log_file)}
    trial.daemon()
    product_id = _rename(trial)
    other = trial.dice.choice([key for key in trial.products() if key != product_id])
    path = trial.dice.choice(("features", "exploratory_tests"))
    with trial.hit(kind="surrogate", path=f"*/products/{other}/{path}"):
        assert trial.run(force=True).status == "partial"
    for words in VERBS if trial.is_long else trial.dice.sample(VERBS, 3):
        ended = home.run(*words, expect=None)
        assert "Traceback" not in ended.stderr, ended.stderr
        _moves_nothing(" ".join(words), ended.stdout + ended.stderr)
    on_terminal = trial.is_long or trial.dice.random() < 0.5
    for words in trial.dice.sample(VERBS, 4 if trial.is_long else on_terminal):
        _moves_nothing(f"{' '.join(words)}, on a terminal", _on_a_terminal(trial, words))
    for line in log_file.read_bytes().decode().removesuffix("\n").split("\n"):
        assert isinstance(json.loads(line), dict), line
        _moves_nothing("the log", line)
    if trial.is_long or not on_terminal:
        _in_a_log_for_people(trial)
    trial.saw("stored as they are, shown escaped")


def _rename(trial: Trial) -> int:
    """Give them to a product, and to a feature, stories and tests of it; the product's id."""
    product_id = trial.dice.choice(trial.products())
    account = trial.simulator.account()
    feature = trial.dice.choice(account["features"][str(product_id)])["id"]
    stories = [_nasty(trial), _nasty(trial)]
    change = trial.simulator.mutate
    change("change", "product", id=product_id, fields={"name": _nasty(trial)})
    fields = {"title": _nasty(trial), "description": _nasty(trial), "user_stories": stories}
    change("change", "feature", id=feature, product_id=product_id, fields=fields)
    for test in trial.dice.sample(trial.tests(product_id), 4):
        change("change", "test", id=test, fields={"title": _nasty(trial), "status": _nasty(trial)})
    return product_id


def _nasty(trial: Trial) -> str:
    """A text of some of them, in any order."""
    return "x".join(trial.dice.sample(NASTY, trial.dice.randrange(1, len(NASTY))))


def _on_a_terminal(trial: Trial, words: tuple[str, ...]) -> str:
    """All that the terminal gets, but for the colours and line ends that are our own."""
    command = [sys.executable, "-m", "cli.main", *words]
    environment = trial.home.environment
    with on_a_terminal(
        command, environment=environment, folder=trial.home.folder, size=(50, 200)
    ) as terminal:
        terminal.end()
        shown = terminal.raw.decode()
    return COLOURS.sub("", shown).replace("\r\n", "\n")


def _in_a_log_for_people(trial: Trial) -> None:
    """LOG_FORMAT=console, by a sync without the daemon."""
    trial.stop()
    kept = dict(trial.home.settings)
    trial.home.settings |= {"LOG_FORMAT": "console", "LOG_FILE": ""}
    with trial.hit(kind="surrogate", path="*/features"):
        synced = trial.sync("--force", expect=None)
    trial.home.settings = kept
    _moves_nothing("sync with LOG_FORMAT=console", synced.out.text + synced.log.text)
    forged = [line for line in synced.log.lines if line.startswith(('{"level"', "forged"))]
    assert not forged, forged


def _moves_nothing(what: str, text: str) -> None:
    """Not a character but printable ones and line ends."""
    found = {char for char in text if char != "\n" and not char.isprintable()}
    assert not found, f"{what} shows {sorted(map(ascii, found))}:\n{ascii(text)[:3000]}"
