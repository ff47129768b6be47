"""Carries out the examples of one page: every `sh` block, in order, in one shell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.launcher import launcher
from tests.tools import ON_CI

ROOT = Path(__file__).parents[2]
SECONDS = 120.0
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTSIDE = re.compile(r"\bcurl\b")
"""Programs of the examples that a bare Debian lacks."""
EXPECTED = re.compile(r"# exit status (\d+)$", re.MULTILINE)

SCRIPT = """\
set -E -o pipefail
trap 'echo "$? $BASH_COMMAND" >> "$PAGE/failed"' ERR
for block in "$PAGE"/block-*; do
    : > "$PAGE/failed"
    source "$block" > "$block.out" 2>&1
    trap - INT
    mv "$PAGE/failed" "$block.failed"
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one block came to: what it printed, and the commands that failed, with their status."""

    text: str
    output: str
    failed: tuple[tuple[int, str], ...]

    @property
    def expected(self) -> tuple[int, ...]:
        """The statuses that the comments in the block announce."""
        return tuple(int(number) for number in EXPECTED.findall(self.text))

    @property
    def complaint(self) -> str | None:
        """What a person needs who wants to mend the page; None if all went as announced."""
        came = tuple(status for status, _command in self.failed)
        if came == self.expected and "Traceback (most recent" not in self.output:
            return None
        failed = "\n".join(f"  status {status}: {command}" for status, command in self.failed)
        return (
            f"--- this example\n{self.text}--- printed\n{self.output}"
            f"--- announced statuses {self.expected}, failed commands:\n{failed or '  none'}"
        )


def blocks_of(page: Path) -> list[str]:
    """The examples of a page, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def programs_of(page: Path) -> set[str]:
    """What the examples of a page call that may not be installed."""
    return {"bash", *OUTSIDE.findall("".join(blocks_of(page)))}


def carry_out(page: Path, folder: Path, settings: dict[str, str]) -> list[Outcome]:
    """Run the whole page in `folder`; what it leaves running is ended."""
    work, home, notes = folder / "work", folder / "home", folder / "page"
    for made in (work, home, notes):
        made.mkdir()
    texts = blocks_of(page)
    names = [notes / f"block-{number:02}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        # The last line, so that a block whose last command fails does not fail as a whole.
        name.write_text(f"{text}:\n", encoding="utf-8")
    (notes / "script").write_text(SCRIPT, encoding="utf-8")
    environment = _environment(folder, home) | {"PAGE": str(notes)} | settings
    _run(["bash", str(notes / "script")], work, environment)
    return [_outcome(name, text) for name, text in zip(names, texts, strict=True)]


def _run(command: list[str], work: Path, environment: dict[str, str]) -> None:
    """In a process group of its own, which is ended as a whole."""
    with subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _environment(folder: Path, home: Path) -> dict[str, str]:
    """The tests' own program under its name, and a home that is empty.

    On CI each command is loaded as a person's is.
    """
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "testio-sync"
    quick = f"-IS {ROOT / 'tests/launched.py'} {launcher()}"
    how = "-m cli.main" if ON_CI else quick
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {how} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        "HOME": str(home),
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


def _outcome(name: Path, text: str) -> Outcome:
    failed = name.with_name(f"{name.name}.failed")
    output = name.with_name(f"{name.name}.out")
    if not failed.exists():
        late = ((-1, f"the page did not come to its end within {SECONDS:g} s"),)
        return Outcome(text=text, output=_read(output), failed=late)
    found = (line.partition(" ") for line in _read(failed).splitlines())
    statuses = tuple((int(status), what) for status, _, what in found if status.isdigit())
    return Outcome(text=text, output=_read(output), failed=statuses)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
