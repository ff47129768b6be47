"""An account that others work on while it is read: rows come, go and change at random moments."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from simulator import Simulator

STEPS = ("add", "add at random", "delete", "delete some", "change", "move", "feature")
LONGEST = 40.0


class Movement:
    """Changes an account step by step; `stays` has the tests of each product it left alone."""

    def __init__(self, simulator: Simulator, dice: random.Random) -> None:
        self._simulator, self._dice = simulator, dice
        tests = simulator.account()["tests"]
        self.stays = {int(key): {row["id"] for row in rows} for key, rows in tests.items()}
        self._there: dict[int, dict[int, str | None]] = {
            int(key): {row["id"]: row["end_at"] for row in rows} for key, rows in tests.items()
        }

    def until(self, is_over: Callable[[], bool], *, pause: float = 0.02) -> int:
        """Go on until it is over; how many steps it took."""
        steps, give_up_at = 0, time.monotonic() + LONGEST
        while not is_over():
            assert time.monotonic() < give_up_at, f"not over within {LONGEST} s"
            self.step()
            steps += 1
            time.sleep(self._dice.uniform(0, pause))
        return steps

    def step(self) -> None:
        """Do one thing to one product."""
        product_id = self._dice.choice(list(self._there))
        what = self._dice.choice(STEPS)
        if what == "add":
            self._add(product_id, {})
        elif what == "add at random":
            self._add(product_id, {"end_at": self._some_end(product_id)})
        elif what == "delete":
            self._delete(product_id, 1)
        elif what == "delete some":
            self._delete(product_id, self._dice.randrange(2, 8))
        elif what == "feature":
            self._simulator.mutate("add", "feature", product_id=product_id)
        else:
            self._change(product_id, moves=what == "move")

    def _add(self, product_id: int, fields: dict[str, object]) -> None:
        row = self._simulator.mutate("add", "test", product_id=product_id, fields=fields)
        self._there[product_id][row["id"]] = row["end_at"]

    def _delete(self, product_id: int, number: int) -> None:
        there = list(self._there[product_id])
        start = self._dice.randrange(max(len(there) - number, 1))
        for test_id in there[start : start + number]:
            self._simulator.mutate("delete", "test", id=test_id)
            self._touched(product_id, test_id)
            del self._there[product_id][test_id]

    def _change(self, product_id: int, *, moves: bool) -> None:
        test_id = self._dice.choice(list(self._there[product_id]))
        fields: dict[str, object] = {"title": f"changed {self._dice.random()}"}
        if moves:
            fields["end_at"] = self._there[product_id][test_id] = self._some_end(product_id)
            self._touched(product_id, test_id)
        self._simulator.mutate("change", "test", id=test_id, fields=fields)

    def _some_end(self, product_id: int) -> str | None:
        return self._dice.choice(list(self._there[product_id].values()))

    def _touched(self, product_id: int, test_id: int) -> None:
        self.stays[product_id].discard(test_id)
