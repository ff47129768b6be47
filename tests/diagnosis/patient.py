"""An installation in which a scenario brings a finding about, and carries its action out."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rules.diagnosis.codes import Code
from tests.homes import Home, Process

COMMAND = re.compile(r"testio-sync ([a-z]+(?: list| retry| resume)?(?: --[a-z]+(?: [a-z]+)?)*)")


@dataclass
class Patient:
    """A home, and what its commands say of it. `offline`: `check` asks the remote nothing."""

    home: Home
    offline: bool = True

    # -- what is said ------------------------------------------------------------------------

    def attention(self) -> list[dict[str, Any]]:
        """What `status` tells; what `health` tells where the database cannot be read."""
        shown = self.home.run("status", "--json", expect=None)
        if shown.returncode == 0:
            return self._parsed(shown.stdout)["attention"]
        return self.health()

    def health(self) -> list[dict[str, Any]]:
        return self._parsed(self.home.run("health", "--json", expect=None).stdout)["findings"]

    def check(self) -> list[dict[str, Any]]:
        words = ("check", "--json", *(["--offline"] if self.offline else []))
        found = self._parsed(self.home.run(*words, expect=None).stdout)["findings"]
        return [each for each in found if each["code"] is not None]

    @staticmethod
    def _parsed(text: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = json.loads(text)
        return found

    def finding(self, code: Code, *, only_check: bool) -> dict[str, Any]:
        """The finding of a code, once there is one."""
        told: list[dict[str, Any]] = []

        def is_told() -> bool:
            told[:] = self._of(code, only_check=only_check)
            return bool(told)

        self.home.wait_for(is_told, f"the finding {code.value}")
        return told[0]

    def has(self, code: Code, *, only_check: bool) -> bool:
        return bool(self._of(code, only_check=only_check))

    def _of(self, code: Code, *, only_check: bool) -> list[dict[str, Any]]:
        """By one command: that the others say the same is looked at once."""
        told = self.check() if only_check else self.attention()
        return [each for each in told if each["code"] == code]

    def agrees(self, code: Code, *, only_check: bool) -> None:
        """`status` names a code exactly when `health` and `check` know it."""
        known = [code in {each["code"] for each in told} for told in self._all()]
        assert known == ([False, False, True] if only_check else [True] * 3), (code, known)

    def _all(self) -> tuple[list[dict[str, Any]], ...]:
        return self.attention(), self.health(), self.check()

    # -- what is done ------------------------------------------------------------------------

    def carry_out(self, action: str) -> None:
        """The commands of an action, as they are printed, in their order."""
        commands = COMMAND.findall(action)
        assert commands, f"no command stands in: {action}"
        for command in commands:
            if command == "run":
                self.home.daemon()
            else:
                self.home.run(*command.split(), expect=None)

    def kill(self, process: Process) -> None:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def change(self, statement: str, *values: object) -> None:
        """Something in the database that only time or an accident would bring about."""
        with closing(sqlite3.connect(self.home.database)) as connection, connection:
            connection.execute(statement, values)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the write lock."""
        with closing(sqlite3.connect(self.home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def long_ago(self, days: int = 9) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
