"""Runs a command of the user's with a notification on its stdin."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from typing import IO

from config.children import passed_on
from config.problems import SettingProblem, SettingsError
from rules.diagnosis.notice import Notice, harmless_line
from service.monitoring.messenger import NotDelivered

NAME = "TESTIO_NOTIFY_COMMAND"
LAST_WORDS = 300
"""Bytes of what it wrote to stderr that are told when it fails."""


class CommandHook:
    """One command, run without a shell; all that it has started is killed after the timeout."""

    name = "command"

    def __init__(
        self, command: str, *, timeout_seconds: float, source: str = "the settings"
    ) -> None:
        """`source`: where the command stands. Raises SettingsError where there is no such one."""
        self._words = shlex.split(command)
        self._timeout = timeout_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which(self._words[0]) is None:
            raise SettingsError([_not_found(command, self._words[0], source)])

    def send(self, notice: Notice) -> None:
        """Run it to its end. Raises NotDelivered."""
        document = json.dumps(notice.as_json()).encode()
        try:
            with _file_for_errors() as errors:
                status = self._run(document, _environment(notice), errors)
                words = _last_words(errors)
        except subprocess.TimeoutExpired as error:
            raise NotDelivered(
                f"{self._words[0]} did not end within {self._timeout:g} s and was killed"
            ) from error
        except OSError as error:
            raise NotDelivered(f"{self._words[0]} did not start: {error.strerror}") from error
        if status != 0:
            raise NotDelivered(f"{self._words[0]} {_ended(status)}{words}")

    def close(self) -> None:
        """Kill what runs. Never raises."""
        with self._lock:
            if self._process is not None:
                _kill(self._process)

    def _run(self, document: bytes, environment: dict[str, str], errors: IO[bytes]) -> int:
        with self._lock:
            process = subprocess.Popen(  # nosec B603 # the user's own command, without a shell
                self._words,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
            self._process = process
        try:
            process.communicate(document, timeout=self._timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise
        finally:
            with self._lock:
                self._process = None
        return process.returncode


def _file_for_errors() -> IO[bytes]:
    """In memory where there is such a thing: a full disk is just when people have to be told."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("testio-notify"), "w+b", buffering=0)
    return tempfile.TemporaryFile()


def _environment(notice: Notice) -> dict[str, str]:
    ours = {
        "EVENT": notice.event.value,
        "TEXT": notice.text,
        "STATUS": notice.status or "",
        "RUN_ID": "" if notice.run_id is None else str(notice.run_id),
        "DATABASE": harmless_line(notice.database),
        "HOST": notice.host,
    }
    return passed_on() | {f"TESTIO_NOTIFY_{name}": value for name, value in ours.items()}


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The whole group, which the command leads."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _ended(status: int) -> str:
    return f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"


def _last_words(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - LAST_WORDS))
    said = harmless_line(" ".join(errors.read().decode(errors="replace").split()))
    return f": {said}" if said else ""


def _not_found(command: str, program: str, source: str) -> SettingProblem:
    return SettingProblem(
        name=NAME,
        source=source,
        shown=command,
        expected="a program that can be run, by its path or found in PATH",
        hint=f"there is no program {program}, or you may not run it",
    )
