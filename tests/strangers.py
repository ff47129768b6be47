"""What another user of this machine can do, tried as that user; only root can try it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOBODY = 65_534
QUESTIONS = """
import json, os, socket, sqlite3, sys
asked = json.load(sys.stdin)
os.setgroups([])
os.setgid(asked["gid"])
os.setuid(asked["uid"])

def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")

def write(path):
    os.close(os.open(path, os.O_WRONLY))

def enter(path):
    return os.listdir(path)

def connect(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)

def query(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT count(*) FROM products").fetchone()[0]

def change(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM products")

answers = []
for verb, path in asked["questions"]:
    try:
        answers.append([True, globals()[verb](path)])
    except (OSError, sqlite3.Error) as error:
        answers.append([False, str(error)])
print(json.dumps(answers))
"""
Answer = tuple[bool, object]
"""Whether it was possible, and what came of it."""


def ask_as_stranger(*questions: tuple[str, Path], group: int = NOBODY) -> dict[str, Answer]:
    """Try each, a verb of QUESTIONS and a path, as nobody, who is in `group`."""
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    asked = {
        "uid": NOBODY,
        "gid": group,
        "questions": [(verb, str(path)) for verb, path in questions],
    }
    ended = subprocess.run(
        [sys.executable, "-I", "-c", QUESTIONS],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers = json.loads(ended.stdout)
    return {
        f"{verb} {path}": (bool(done), what)
        for (verb, path), (done, what) in zip(questions, answers, strict=True)
    }
