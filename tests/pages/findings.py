"""docs/findings.md, from the catalogue."""

from __future__ import annotations

from collections.abc import Mapping

from rules.diagnosis import entries
from rules.diagnosis.codes import Code
from rules.diagnosis.diagnose import UNVOUCHED
from rules.diagnosis.entries import Entry

HEAD = """\
# Findings

Everything that testio-sync may find wrong, each under a code that does not change. The same \
finding stands in all of these at once, because one place judges (`rules/diagnosis`):

| where | how it is shown |
| --- | --- |
| `testio-sync status` | under "Needs attention", the most urgent first; `attention[]` of `--json` |
| `testio-sync health`, `GET /v1/health` | an error is a reason against health, and so is each \
code that is marked with ¹; `findings[]` of the JSON has all |
| `testio-sync check` | with `level` and `code`; it also looks at the machine, the files and the \
remote |
| `testio-sync watch`, `problems list` | the same lines |
| `/metrics` | `testio_sync_finding{code,severity}` is 1 |
| notifications, systemd's status line, the watchdog | the finding's words |

A severity may be another than the usual one: what fails becomes an error when it makes lists too \
old (`TESTIO_HEALTH_MAX_AGE_SECONDS`), and what `check` meets when it asks the remote is an error \
at once. *Unknown* is no verdict: what this user may not look at is said to be unknown.

This page is made from the catalogue by `make pages`; a test compares.
"""

PARTS: Mapping[str, Mapping[Code, Entry]] = {
    "The daemon": entries.DAEMON,
    "The database": entries.DATABASE,
    "What came of asking the remote": entries.REMOTE,
    "The mirror": entries.MIRROR,
    "The machine, the files and the configuration": entries.MACHINE,
}


def findings_page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_part(title, part) for title, part in PARTS.items())])


def _part(title: str, part: Mapping[Code, Entry]) -> str:
    rows = [_row(code, entry) for code, entry in part.items()]
    head = ["| code | usually | what it means | what to do |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {title}\n", *head, *rows, ""])


def _row(code: Code, entry: Entry) -> str:
    mark = " ¹" if code in UNVOUCHED else ""
    action = entry.action_with().replace("|", "\\|").replace("<", "&lt;")
    return f"| `{code.value}`{mark} | {entry.severity.value} | {entry.cause} | {action} |"
