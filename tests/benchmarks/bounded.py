"""Commands that end: whatever a benchmark starts is killed when its time is over."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class NoResult(Exception):
    """A command has failed or taken too long; the message says which."""


def run_bounded(command: tuple[str, ...], seconds: float) -> str:
    """What a command prints on stdout. Raises NoResult if it fails or is not done in time.

    It gets a process group of its own, which is killed as a whole when the time is over.
    """
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, cwd=ROOT, **pipes) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as problem:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise NoResult(f"no result within {seconds:g} s") from None
            raise
    if process.returncode != 0:
        said = err.strip().splitlines() or ["it said nothing"]
        raise NoResult(f"exit status {process.returncode}: {said[-1]}")
    return str(out)


def end(process: subprocess.Popen[Any], seconds: float = 15.0) -> None:
    """Ask a process to end, and kill it if it does not within so many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
