"""Completion in real shells: verbs, actions, flags, values and files."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest

from cli.main import VERBS
from cli.verbs.completion import SHELLS, main
from tests.terminals import on_a_terminal
from tests.tools import needs_tool, only_on_ci

CASES = {
    "statu": "status",
    "deletions acc": "accept",
    "sync --dry": "--dry-run",
    "sync --phases feat": "features",
    "run --log-format con": "console",
    "completion fi": "fish",
    "logs --level deb": "debug",
    "runs --status inter": "interrupted",
    "runs sh": "show",
    "tests --status customer": "customer_finalized",
    "bugs --status forw": "forwarded",
    "export fresh": "freshness",
    "interval def": "default",
    "concurrency def": "default",
    "rate def": "default",
    "service uninst": "uninstall",
    "service install --dry": "--dry-run",
    "status --config only-o": "only-one.toml",
}
"""What is typed after `testio-sync`, and what its last word becomes."""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script of each shell, and a file to complete."""
    folder = tmp_path_factory.mktemp("completion")
    for shell in SHELLS:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert main(Namespace(shell=shell)) == 0
        (folder / f"script.{shell}").write_text(printed.getvalue(), encoding="utf-8")
    (folder / "only-one.toml").touch()
    (folder / "_testio-sync").symlink_to("script.zsh")
    return folder


def output_of(words: list[str], folder: Path) -> str:
    ended = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


BASH = """
source script.bash
complete -p testio-sync
ask() {
    COMP_WORDS=(testio-sync "$@") COMP_CWORD=$# COMP_LINE="testio-sync $*" COMPREPLY=()
    "$(complete -p testio-sync | sed 's/.* -F \\([^ ]*\\) .*/\\1/')"
    echo "$*: ${COMPREPLY[*]}"
}
"""


def test_in_bash(scripts: Path) -> None:
    asked = "\n".join(f"ask {line}" for line in CASES)
    shown = output_of([needs_tool("bash"), "-c", f"{BASH}\n{asked}\nask ''"], scripts)
    for line, completed in CASES.items():
        assert f"{line}: {completed}\n" in shown, shown
    verbs = shown.splitlines()[-1].lstrip(": ").split()
    assert set(VERBS) <= set(verbs)


@only_on_ci
def test_in_fish(scripts: Path) -> None:
    asked = "; ".join(f"echo '{line}:' (complete -C 'testio-sync {line}')" for line in CASES)
    shown = output_of([needs_tool("fish"), "-c", f"source script.fish; {asked}"], scripts)
    for line, completed in CASES.items():
        assert f"{line}: {completed}" in shown, shown
    assert f"statu: status\t{VERBS['status']}\n" in shown, "with what it does beside it"


@only_on_ci
def test_in_zsh(scripts: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(scripts), "PS1": "READY> "}
    words = [needs_tool("zsh"), "-f", "-i"]
    with on_a_terminal(words, environment=environment, folder=scripts) as terminal:
        terminal.expect("READY> ")
        terminal.type("fpath=($PWD $fpath); autoload -U compinit; compinit -u -D\n")
        for line, completed in CASES.items():
            terminal.expect("READY> ")
            *_, last = f"testio-sync {line}".rpartition(" ")
            typed = line.removesuffix(last)
            # Ctrl-A and `echo` in front: the shell prints the line that completion left.
            terminal.type(f"testio-sync {line}\t.\x01echo \n")
            terminal.expect(f"\ntestio-sync {typed}{completed} .\n")
