"""22: the control socket is flooded by the user's own programs."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path

from tests.faults.programme import fault
from tests.faults.raw import connected, request
from tests.faults.trial import Trial
from tests.faults.witness import holdings

LONG, SHORT = 100_000, 3_000
THREADS = 6
MOST_ON_ONE = 200
"""Messages on one connection."""
SPARE_KB = 16_000
KINDS = (
    request("GET", "/v1/status"),
    request("GET", "/v1/health"),
    request("GET", "/v1/events?limit=3"),
    request("POST", "/v1/runs", b'{"phases": ["products"]}'),
    request("POST", "/v1/runs", b'{"force": true}'),
    request("POST", "/v1/runs", b'{"nuke": true}'),
    request("POST", "/v1/runs", b'{"product_ids": [999999999]}'),
    request("POST", "/v1/pause"),
    request("POST", "/v1/resume"),
    request("POST", "/v1/interval", b'{"seconds": 1}'),
    request("DELETE", "/v1/runs/current"),
    request("POST", "/v1/runs", b'{"phases": '),
    request("POST", "/v1/runs", b'{"phases": ["everything"]}'),
    request("BREW", "/v1/coffee"),
)
MALFORMED = (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET /v1/status HTTP/9.9 x y\r\n\r\n")
"""After these the other end hangs up."""
ANSWERS = frozenset({200, 400, 404, 405, 409, 501, 503})
"""What docs/control-api.md knows; 0 is a connection that was closed."""


@fault(22, "a flood of control messages", long=1, seconds=1500)
def flooded(trial: Trial) -> None:
    process = trial.daemon("--interval", "1")
    messages = LONG if trial.is_long else SHORT
    flood = _Flood(trial, messages // 10)
    flood.pour()  # caches and pools are as large after this as they get
    middle, ran = holdings(process.pid).resident_kb, trial.last_run()
    flood = _Flood(trial, messages)
    flood.pour()
    grown = holdings(process.pid).resident_kb - middle
    assert process.runs, process.log.text[-3000:]
    strange = {status for status in flood.answers if status not in ANSWERS}
    assert not strange, f"answers that no document knows: {flood.answers}"
    assert not flood.broken, flood.broken[:3]
    assert grown < SPARE_KB, f"memory grew by {grown} KB over {messages} messages"
    trial.control.resume()
    _ticks_go_on(trial)
    trial.control.set_interval(0)
    trial.quiet()
    recorded = trial.home.sql_count("sync_runs")
    assert recorded == trial.last_run(), f"{trial.last_run() - recorded} runs are in no row"
    assert trial.witness is not None
    slowest = trial.witness.slowest
    trial.saw(
        f"{messages} messages in {THREADS} threads: {flood.told()}; {trial.last_run() - ran} runs,"
        f" memory {grown / 1024:+.1f} MB, slowest answer {slowest:.2f} s"
    )


def _ticks_go_on(trial: Trial) -> None:
    before = trial.last_run()
    trial.wait_for(lambda: trial.last_run() > before, "the next periodic run")


class _Flood:
    """Some threads, each with a connection at a time, and dice of its own."""

    def __init__(self, trial: Trial, messages: int) -> None:
        self._path: Path = trial.control.path
        self._seeds = [trial.dice.random() for _ in range(THREADS)]
        self._each = messages // THREADS
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()
        self.broken: list[str] = []

    def pour(self) -> None:
        """All of it; returns when the last is answered."""
        threads = [
            threading.Thread(target=self._pour, args=(random.Random(seed),), daemon=True)
            for seed in self._seeds
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def told(self) -> str:
        """How often which answer, for the table."""
        return ", ".join(f"{status or 'closed'} {n}" for status, n in sorted(self.answers.items()))

    def _pour(self, dice: random.Random) -> None:
        left, answers = self._each, Counter[int]()
        try:
            while left > 0:
                left -= self._connect(dice, min(left, dice.randint(1, MOST_ON_ONE)), answers)
        except Exception as error:
            self.broken.append(repr(error))
        with self._lock:
            self.answers += answers

    def _connect(self, dice: random.Random, messages: int, answers: Counter[int]) -> int:
        """So many on one connection, or fewer if it is closed; how many were sent."""
        with connected(self._path) as connection:
            for number in range(messages):
                is_last = number == messages - 1
                what = dice.choice(MALFORMED if is_last and dice.random() < 0.3 else KINDS)
                try:
                    connection.send(what)
                except ConnectionError:
                    return max(1, number)
                status = connection.status()
                answers[status] += status > 0
                if status == 0:
                    return number + 1
        return messages
