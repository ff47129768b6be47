"""What fails now: products that do not come out complete, and records that cannot be read."""

from __future__ import annotations

import argparse

from rich.text import Text

from cli.common import print_json, settings_of, whole_number
from cli.screens.screen import drawn, harmless, make_console, make_table, minute
from cli.shared.deciding import add_action, decide
from cli.verbs import sync
from config.settings import Settings
from control.protocol import RetryReply, StartRunBody, Word
from rules.diagnosis.of_mirror import OF_FAILING
from rules.model import Trigger
from rules.text.wording import counted
from service.monitoring.outside import Look, look
from storage.engine import readonly
from storage.engine.readonly import Row
from storage.reads import decision_queries, queries

MOST_SHOWN = 1_000
"""Rows of a table; --json has all."""

EXAMPLES = """\
  testio-sync problems list
  testio-sync problems retry          # all of them, now
  testio-sync problems retry 4 7
  testio-sync problems clear 4        # it returns if it is met again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `testio-sync problems`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_action(actions, "list", "list what fails, and the records that cannot be read")
    retry = add_action(
        actions, "retry", "try records again, and sync their products", has_json=False
    )
    retry.add_argument(
        "ids", nargs="*", type=whole_number, metavar="ID", help="default: everything"
    )
    clear = add_action(actions, "clear", "set one record aside as settled", has_json=False)
    clear.add_argument("id", type=whole_number, metavar="ID", help="as `problems list` shows it")


def main(arguments: argparse.Namespace) -> int:
    """Read the database, or have the decision carried out."""
    settings = settings_of(arguments)
    if arguments.action == "retry":
        return _retry(settings, arguments.ids)
    if arguments.action == "clear":
        return _clear(settings, arguments.id)
    return _list(settings, as_json=arguments.json)


def _list(settings: Settings, *, as_json: bool) -> int:
    with readonly.open_readonly(settings.db_path) as connection:
        scope = settings.product_ids
        failing = queries.in_scope(decision_queries.failing_cursors(connection), scope)
        entries = queries.in_scope(decision_queries.open_entries(connection), scope)
    if as_json:
        print_json({"failing": failing, "records": entries})
    elif not failing and not entries:
        print("no problems")
    else:
        _print_failing(failing, look(settings))
        _print_entries(entries)
    return 0


def _print_failing(failing: list[Row], seen: Look) -> None:
    """Each cause once, with what to do; then the lists."""
    if not failing:
        return
    console, arrow = make_console(), drawn(make_console(), "→", "->")
    for finding in seen.findings:
        if finding.code in OF_FAILING:
            said = harmless(finding.said(seen.at))
            console.print(Text(said, style="red"), soft_wrap=True)
            console.print(Text(f"  {arrow} {finding.action}", style="bold"), soft_wrap=True)
    console.print(f"not complete: {_all_of(failing)}", soft_wrap=True)


def _all_of(failing: list[Row]) -> str:
    """By kind, with the products that fail: `features of 4, 7, 18; tests of 4`."""
    ids: dict[str, list[str]] = {}
    for row in failing:
        ids.setdefault(row["kind"], []).append(str(row["product_id"] or "the account"))
    return "; ".join(f"{kind} of {', '.join(found[:MOST_SHOWN])}" for kind, found in ids.items())


def _print_entries(entries: list[Row]) -> None:
    if not entries:
        return
    table = make_table(
        "Records that cannot be read",
        *("id", "product", "kind", "where", "since", "next try", "what"),
        drop=("since", "next try"),
    )
    for row in entries[:MOST_SHOWN]:
        table.add_row(
            str(row["id"]),
            _product(row),
            row["kind"],
            _place(row),
            minute(row["since"]),
            _next_try(row),
            harmless(row["reason"]),
        )
    make_console().print(table)
    _print_rest(entries)


def _print_rest(rows: list[Row]) -> None:
    if len(rows) > MOST_SHOWN:
        print(f"... and {len(rows) - MOST_SHOWN} more; --json has them all")


def _place(row: Row) -> str:
    """Where in the remote's list it stands, e.g. `position 213, between 5011 and 5013`."""
    place = f"position {row['position']}"
    before, after = row["before_id"], row["after_id"]
    if row["sort"] != "hole":
        return place if row["record_id"] is None else f"{place}, id {row['record_id']}"
    if before is None:
        return f"{place}, before {after}" if after is not None else place
    return (
        f"{place}, behind {before}" if after is None else f"{place}, between {before} and {after}"
    )


def _next_try(row: Row) -> str:
    """Only holes are tried by themselves; a bad record comes with every listing."""
    tries = f" ({row['tries']} so far)" if row["tries"] else ""
    return ("next run" if row["next_try"] is None else minute(row["next_try"])) + tries


def _product(row: Row) -> str:
    return str(row["product_id"]) if row["product_id"] else "the list"


def _clear(settings: Settings, entry: int) -> int:
    reply = decide(settings, lambda who: who.clear_problem(entry))
    word = "already cleared" if reply.word is Word.ALREADY_CLEARED else "cleared"
    print(f"{word}; it returns if it is met again")
    return 0


def _retry(settings: Settings, ids: list[int]) -> int:
    reply = decide(settings, lambda who: who.retry_problems(ids or None))
    if reply.word is Word.NOTHING_TO_RETRY:
        print("nothing to retry")
        return 0
    print(f"to be tried again: {_retried(reply)}")
    if reply.admission is None:
        return _sync(settings, reply) if reply.phases else 0
    if reply.run_id is None:
        print("the daemon is busy; its next run tries them")
    else:
        print(f"run {reply.run_id} {reply.admission.value} in the daemon")
    return 0


def _retried(reply: RetryReply) -> str:
    """The records, or the lists where no record stands for what fails."""
    if reply.ids:
        return counted(len(reply.ids), "record")
    if reply.product_ids is None:
        return "the product list"
    return f"the lists of {counted(len(reply.product_ids), 'product')}"


def _sync(settings: Settings, reply: RetryReply) -> int:
    """No daemon runs: sync as `testio-sync sync` does."""
    body = StartRunBody(
        phases=reply.phases, product_ids=reply.product_ids, trigger_source=Trigger.CLI
    )
    return sync.report(sync.sync_once(settings, body, verbose=False))
