"""The remote of a benchmark: a simulated account, served by a process of its own."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.bounded import ROOT, NoResult, end
from tests.benchmarks.contestant import Contestant, Sync, sync_once

LATENCY_MS = 20.0
LONGEST_START = 120.0
CONTROL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large an account is; features and tests are those of each product."""

    products: int = 50
    features: int = 20
    tests: int = 200

    def __str__(self) -> str:
        return f"{self.products} products with {self.features} features, {self.tests:,} tests each"


USUAL = Size()
SMALL = Size(products=10)


class Remote:
    """One simulator that runs."""

    def __init__(self, size: Size, ready: dict[str, str]) -> None:
        self.size = size
        self.url, self.token = ready["base_url"], ready["token"]
        self._control = ready["control_url"]
        state = self.state()
        self.rows = int(state["products"] + state["features"] + state["tests"])

    def state(self) -> Any:
        """Counts of what there is, and of the requests served so far."""
        return self._ask("GET", "state")

    def product_ids(self) -> list[int]:
        """The ids of all products, in the remote's order."""
        return [int(product["id"]) for product in self._ask("GET", "account")["products"]]

    def requests(self) -> list[dict[str, Any]]:
        """The newest requests, oldest first; see simulator/README.md."""
        return list(self._ask("GET", "requests"))

    def forget_requests(self) -> None:
        """Empty the log of requests."""
        self._ask("DELETE", "requests")

    def sync(
        self, contestant: Contestant, folder: str, connections: int = 10, longest: float = 300.0
    ) -> Sync:
        """One sync into a folder, with the requests it took. Raises NoResult."""
        before = self.state()["requests_served"]
        printed = sync_once(contestant, self.url, self.token, folder, connections, longest)
        served = self.state()["requests_served"] - before
        return Sync(**printed, requests=served)

    def full_sync(self, contestant: Contestant, folder: str, connections: int = 10) -> Sync:
        """The same of a contestant that has to mirror every row. Raises NoResult."""
        result = self.sync(contestant, folder, connections)
        if result.rows != self.rows:
            raise NoResult(f"{contestant.name} has {result.rows} rows of {self.rows}")
        return result

    def _ask(self, method: str, what: str) -> Any:
        request = urllib.request.Request(f"{self._control}/{what}", method=method)
        with urllib.request.urlopen(request, timeout=CONTROL_SECONDS) as answer:
            return json.load(answer)


@contextmanager
def simulated(size: Size = USUAL, *, latency_ms: float = LATENCY_MS) -> Iterator[Remote]:
    """A simulator with an account of this size, for the length of the block. Raises NoResult."""
    sizes = ("--products", size.products, "--features", size.features, "--tests", size.tests)
    flags = map(str, (*sizes, "--latency-ms", latency_ms))
    command = [sys.executable, "-m", "simulator", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            if not select.select([process.stdout], [], [], LONGEST_START)[0]:
                raise NoResult(f"the simulator was not ready within {LONGEST_START:g} s")
            yield Remote(size, json.loads(process.stdout.readline()))
        finally:
            end(process)
