"""`watch` without a terminal: events in words."""

from __future__ import annotations

from typing import Any

import pytest

from cli.live.watch_lines import line_of

NAMES = {18: "Harbour\x1b[31m"}


def row(event: str, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("run_id", "phase", "product_id", "outcome", "error_kind", "error"))
    common = {"at": "2026-01-31T08:15:00.123456Z", "duration_seconds": 0.0, "detail": None}
    return {**nothing, **common, "event": event, **more}


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (row("run_started", run_id=7, detail={"trigger_source": "cli"}), "run 7  begun by cli"),
        (
            row("phase_started", run_id=7, phase="features", detail={"products": 5}),
            "run 7  features  begun, 5 to do",
        ),
        (
            row(
                "phase_finished",
                run_id=7,
                phase="features",
                outcome="partial",
                duration_seconds=2.04,
            ),
            "run 7  features  partial after 2.0 s",
        ),
        (
            row(
                "product_failed",
                run_id=7,
                phase="features",
                product_id=18,
                outcome="failed",
                error_kind="server_error",
                error="no\nway",
            ),
            "run 7  features  product 18 Harbour\\x1b[31m failed: server_error: no\\nway",
        ),
        (
            row("product_synced", phase="products", product_id=0, outcome="partial", error="holes"),
            "products  the product list partial: holes",
        ),
        (row("actor_crashed", error="boom"), "a part of the daemon crashed, and is replaced: boom"),
        (row("setting_changed", detail={"name": "interval", "value": 60}), "interval is now 60"),
        (
            row("reload_refused", detail={"reason": "no token"}),
            "the configuration was not taken over: no token",
        ),
        (row("paused"), "periodic runs are paused"),
    ],
)
def test_a_change(event: dict[str, Any], line: str) -> None:
    assert line_of(event, NAMES) == f"2026-01-31 08:15:00  {line}"


@pytest.mark.parametrize(
    "event",
    [row("product_synced", product_id=18, outcome="complete"), row("tick_skipped"), row("unheard")],
)
def test_what_is_not_worth_a_line(event: dict[str, Any]) -> None:
    assert line_of(event, NAMES) == ""
