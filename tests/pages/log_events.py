"""docs/log-events.md, from the declaration of the events."""

from __future__ import annotations

from config.log_events import EVENTS, FIELDS

HEAD = """\
# Events of the log

A line of the log is one JSON object with `at`, `level`, `event` and `logger`, and with the fields \
below. Where a worker was at it, also `run_id`, `phase` and `product_id`; with a failure that \
nobody foresaw, `exception`, its traceback. Names and types do not change.

What to look for at three in the morning:

| | |
| --- | --- |
| `level` error or critical | somebody is needed, or the remote is down |
| `run_finished` | one a run: error where it failed, warning where it is partial; `problems` has \
the causes with how many products each took |
| `remote_fails`, `remote_is_back` | an outage, from its beginning to its end |
| `token_refused` | once a run, until there is a valid one |
| `product_failed`, `product_synced`, `product_skipped` as warning | the first of each cause in a \
run; further ones are debug |

A run with nothing new writes eight lines, however many products there are. With `LOG_LEVEL=DEBUG` \
each product has its line. What happened is in the table `sync_events` as well, in full.

Lines of libraries (`logger` is `pykka`, `alembic`, `filelock`) are theirs: text in `event`.

This page is made from `config/log_events.py` by `make pages`; a test compares.

## Events

| event | level | meaning | fields |
| --- | --- | --- | --- |
"""


def log_events_page() -> str:
    """The whole page."""
    rows = [
        f"| `{name}` | {event.level} | {event.meaning} | {' '.join(_names(event.fields))} |"
        for name, event in sorted(EVENTS.items())
    ]
    fields = [f"| `{n}` | {field.type} | {field.meaning} |" for n, field in sorted(FIELDS.items())]
    titles = ["", "## Fields", "", "| field | type | meaning |", "| --- | --- | --- |"]
    return HEAD + "\n".join([*rows, *titles, *fields, ""])


def _names(fields: str) -> list[str]:
    return [f"`{name}`" for name in fields.split()]
