"""A lasting thread: what ends its work is told, and the work begins again."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from config import threads
from config.threads import lasting_thread


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(1)], ids=["bug", "SystemExit"])
def test_it_goes_on_and_says_so(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    monkeypatch.setattr(threads, "PAUSES", (0.0,))
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) < 4:
            raise error

    with capture_logs() as logged:
        thread = lasting_thread("testio-some", work)
        thread.start()
        thread.join(5)
    assert len(calls) == 4, "three failures, and the end"
    assert [(line["event"], line["thread_name"]) for line in logged] == [
        ("thread_failed", "testio-some")
    ] * 3
