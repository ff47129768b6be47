"""The floor with requests: one session for all threads, as most programs would write it."""

from __future__ import annotations

import requests
from requests.adapters import HTTPAdapter

from tests.benchmarks.contestants import floor
from tests.benchmarks.contestants.contest import Task, take_part


def sync(task: Task) -> int:
    """The whole account; returns the rows mirrored."""
    with requests.Session() as session:
        session.trust_env = False
        session.mount("http://", HTTPAdapter(pool_maxsize=task.connections + 1))
        session.headers["Authorization"] = f"Token {task.token}"

        def get(path: str) -> bytes:
            answer = session.get(f"{task.url}{path}", timeout=30)
            answer.raise_for_status()
            return answer.content

        return floor.sync(task, lambda: get)


if __name__ == "__main__":
    take_part(sync)
