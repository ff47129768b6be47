"""Odd surroundings of a command, and every verb: what `tests/e2e/test_odd_surroundings.py` tries.

Each verb stands with the status that it ends with where nothing is odd, after a first sync.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.odd import NOT_LISTED

BYTES = "\udcff"
"""A byte that is no text, as Python shows it."""
NOBODY_STATUS = 7


class Needs(Enum):
    """What the machine must let a test do."""

    NOTHING = ""
    ROOT = "to become another user, root"
    MOUNTS = "mounts of its own, root and unshare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """One kind of surroundings.

    `settings`: of the environment, None takes one away; `{home}` and `{out}` are folders.
    `inside`: what the process does first. `prepare` makes something of the two folders.
    `names`: one of these is said by each verb that does not end as it would elsewhere;
    None where nobody can be told.
    """

    settings: Mapping[str, str | None] = field(default_factory=dict)
    inside: str | None = None
    prepare: Callable[[Path, Path], object] = lambda _home, _out: None
    names: tuple[str, ...] | None = ()
    needs: Needs = Needs.NOTHING
    more: tuple[str, ...] = ()


def given_away(home: Path, out: Path) -> None:
    """All of it belongs to the user that is not listed."""
    for path in (home, *home.rglob("*"), out):
        os.chown(path, NOT_LISTED, NOT_LISTED)


def dotenv(content: bytes) -> Callable[[Path, Path], object]:
    """A `.env` of another program."""
    return lambda home, _out: (home / ".env").write_bytes(content)


def closed_dotenv(home: Path, out: Path) -> None:
    """A `.env` of root's, in a folder of the user that is not listed."""
    given_away(home, out)
    (home / ".env").touch(mode=0)


def broken_index(home: Path, _out: Path) -> None:
    """Another program's full-text index on our products, and it is broken."""
    with closing(sqlite3.connect(home / "testio.db")) as connection:
        connection.executescript(INDEX)


INDEX = """
CREATE VIRTUAL TABLE found USING fts5(name, content='products', content_rowid='id');
INSERT INTO found(rowid, name) SELECT id, name FROM products;
CREATE TRIGGER found_add AFTER INSERT ON products BEGIN
  INSERT INTO found(rowid, name) VALUES (new.id, new.name); END;
CREATE TRIGGER found_drop AFTER DELETE ON products BEGIN
  INSERT INTO found(found, rowid, name) VALUES ('delete', old.id, old.name); END;
CREATE TRIGGER found_change AFTER UPDATE ON products BEGIN
  INSERT INTO found(found, rowid, name) VALUES ('delete', old.id, old.name);
  INSERT INTO found(rowid, name) VALUES (new.id, new.name); END;
UPDATE found_data SET block = x'0102030405060708090a0b';
"""


def larger(home: Path, _out: Path) -> None:
    """A table of another program that makes the file some megabytes large."""
    with closing(sqlite3.connect(home / "testio.db")) as connection, connection:
        connection.execute("CREATE TABLE others(x)")
        connection.executemany("INSERT INTO others VALUES (?)", [("y" * 4_000,)] * 600)


def _url(host: str) -> Odd:
    name = "TESTIO_CUSTOMER_API_BASE_URL"
    return Odd(settings={name: f"https://{host}/v2"}, names=(name,))


BECOME = "tests.odd:become"
SURROUNDINGS: dict[str, Odd] = {
    "no passwd entry": Odd(
        settings={"HOME": None}, inside=BECOME, prepare=given_away, needs=Needs.ROOT
    ),
    "no passwd entry, nothing set": Odd(
        settings={"HOME": None, "TESTIO_DB_PATH": None},
        inside=BECOME,
        prepare=given_away,
        names=("TESTIO_DB_PATH", "no home"),
        needs=Needs.ROOT,
    ),
    "a home that is no full path": Odd(settings={"HOME": "a/home"}),
    "working folder gone": Odd(inside="tests.odd:folder_gone"),
    "working folder gone, paths within": Odd(
        settings={"TESTIO_DB_PATH": "testio.db"},
        inside="tests.odd:folder_gone",
        names=("working folder is gone",),
    ),
    "working folder of bytes": Odd(
        settings={"TESTIO_DB_PATH": "testio.db"},
        inside="tests.odd:folder_named ff2fe9",
        names=("names are all UTF-8",),
    ),
    "database of bytes": Odd(
        settings={"TESTIO_DB_PATH": f"{{home}}/{BYTES}.db"}, names=("TESTIO_DB_PATH",)
    ),
    "log file of bytes": Odd(settings={"LOG_FILE": f"{{home}}/{BYTES}.log"}, names=("LOG_FILE",)),
    "other variables of bytes": Odd(settings={"OTHER": BYTES, "XDG_CONFIG_HOME": f"/{BYTES}"}),
    "token of bytes": Odd(
        settings={"TESTIO_CUSTOMER_API_TOKEN": f"tok{BYTES}en-123"},
        names=("TESTIO_CUSTOMER_API_TOKEN",),
    ),
    "proxy of bytes": Odd(
        settings={"TESTIO_PROXY_URL": f"http://a{BYTES}:1"}, names=("TESTIO_PROXY_URL",)
    ),
    "webhook without a host": Odd(
        settings={"TESTIO_NOTIFY_WEBHOOK_URL": "https://a..b/x"},
        names=("TESTIO_NOTIFY_WEBHOOK_URL",),
    ),
    "an argument of bytes": Odd(more=(BYTES,), names=(r"\udcff",)),
    "host with an empty part": _url("api..example.com"),
    "host with a zone": _url("[fe80::1%25eth0]"),
    ".env that makes no sense": Odd(prepare=dotenv(b"a : { b\nc d 'e\n=x\n")),
    ".env that is no text": Odd(prepare=dotenv(b"NAME=caf\xe9\nOTHER=\xff\xfe\0")),
    ".env that is a folder": Odd(prepare=lambda home, _out: (home / ".env").mkdir()),
    ".env that is a pipe": Odd(prepare=lambda home, _out: os.mkfifo(home / ".env")),
    ".env that leads nowhere": Odd(prepare=lambda home, _out: (home / ".env").symlink_to("no")),
    ".env that is closed": Odd(
        inside=BECOME,
        prepare=closed_dotenv,
        names=(".env",),
        needs=Needs.ROOT,
    ),
    "TMPDIR gone": Odd(settings={"TMPDIR": "/no/such/folder"}),
    "TMPDIR too small": Odd(
        settings={"TMPDIR": "{out}"},
        inside="tests.odd:full {out} 70000",
        prepare=larger,
        names=("disk of temporary files, {out}", "{out}/"),
        needs=Needs.MOUNTS,
    ),
    "database's disk full": Odd(
        inside="tests.odd:full {home}",
        names=("{home} is full", "free in {home}"),
        needs=Needs.MOUNTS,
    ),
    "output's disk full": Odd(inside="tests.odd:full {out}", names=("{out}/",), needs=Needs.MOUNTS),
    "database on a read-only mount": Odd(
        inside="tests.odd:read_only {home}", names=("{home}/testio.db",), needs=Needs.MOUNTS
    ),
    "output on a read-only mount": Odd(
        inside="tests.odd:read_only {out}", names=("{out}/",), needs=Needs.MOUNTS
    ),
    "files of another user": Odd(
        inside=BECOME,
        prepare=lambda home, _out: home.chmod(0o755),
        names=("{home}/testio.db", "{out}/"),
        needs=Needs.ROOT,
    ),
    "folder of another user": Odd(
        inside=BECOME,
        prepare=lambda home, _out: home.chmod(0o700),
        names=("{home}/", "{out}/"),
        needs=Needs.ROOT,
    ),
    "a broken index of another program": Odd(
        prepare=broken_index, names=("index, or another virtual table, of another program",)
    ),
    "output in ASCII": Odd(inside="tests.odd:stream stdout ascii;tests.odd:stream stderr ascii"),
    "stdin closed": Odd(inside="tests.odd:stream stdin closed"),
    "stdout closed": Odd(inside="tests.odd:stream stdout closed"),
    "stderr closed": Odd(inside="tests.odd:stream stderr closed", names=None),
    "stdout full": Odd(inside="tests.odd:stream stdout full", names=("standard output",)),
    "stderr full": Odd(inside="tests.odd:stream stderr full", names=None),
    "stdout read by nobody": Odd(inside="tests.odd:stream stdout broken", names=None),
    "stderr read by nobody": Odd(inside="tests.odd:stream stderr broken", names=None),
}

VERBS: dict[str, int] = {
    "--help": 0,
    "--version": 0,
    "help sync": 0,
    "export --help": 0,
    "nosuchverb": 2,
    "init --non-interactive --token-file {home}/token --config {out}/c.toml": 0,
    "check": 0,
    "check --offline --json": 0,
    "run": 0,
    "sync": 0,
    "sync --dry-run": 0,
    "sync --nuke --yes": 0,
    "status": 0,
    "status --json": 0,
    "health": NOBODY_STATUS,
    "watch": 130,
    "products": 0,
    "products --csv": 0,
    "features": 0,
    "tests --json": 0,
    "bugs": 0,
    "runs": 0,
    "runs show 1": 0,
    "events": 0,
    "logs": NOBODY_STATUS,
    "problems list": 0,
    "problems clear 1": 2,
    "deletions list": 0,
    "deletions accept 1": 2,
    "verify": 0,
    "browse --port 0": 0,
    "rebuild --yes": 2,
    "rebuild --dry-run": 2,
    "backup {out}/b.db": 0,
    "export --to {out}/exported": 0,
    "export tests --to {out}/t.csv": 0,
    "pause": NOBODY_STATUS,
    "resume": NOBODY_STATUS,
    "interval 60": NOBODY_STATUS,
    "concurrency 3": NOBODY_STATUS,
    "rate 3": NOBODY_STATUS,
    "cancel": NOBODY_STATUS,
    "reload": NOBODY_STATUS,
    "stop": NOBODY_STATUS,
    "notify --test": 2,
    "service show": 0,
    "service install --user --dry-run": 0,
    "simulator --port 0": 0,
    "completion bash": 0,
    "man": 0,
}
ENDLESS = ("run", "watch", "browse --port 0", "simulator --port 0")
"""They are ended by the test."""
