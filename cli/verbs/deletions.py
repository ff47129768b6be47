"""Deletions that are held back because a list lost too many rows at once; accept them by hand."""

from __future__ import annotations

import argparse

from cli.common import print_json, settings_of, whole_number
from cli.screens.screen import harmless, make_console, make_table, minute
from cli.shared.deciding import add_action, decide
from config.settings import Settings
from control.errors import NoSuchEntry
from control.protocol import Word
from storage.engine import readonly
from storage.engine.readonly import Row
from storage.reads import decision_queries

EXAMPLES = """\
  testio-sync deletions list
  testio-sync deletions show 3
  testio-sync deletions accept 3
"""

NO_SUCH_SET = "no deletions are held under the id {}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `testio-sync deletions`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_action(actions, "list", "list the sets that are held back")
    for name, what in (
        ("show", "show the rows of one set"),
        ("accept", "mark the rows of one set as deleted, but for those seen since"),
    ):
        action = add_action(actions, name, what, has_json=name == "show")
        action.add_argument(
            "id", type=whole_number, metavar="ID", help="as `deletions list` shows it"
        )


def main(arguments: argparse.Namespace) -> int:
    """Read the database, or have the decision carried out."""
    settings = settings_of(arguments)
    if arguments.action == "accept":
        return _accept(settings, arguments.id)
    if arguments.action == "show":
        return _show(settings, arguments.id, as_json=arguments.json)
    return _list(settings, as_json=arguments.json)


def _list(settings: Settings, *, as_json: bool) -> int:
    with readonly.open_readonly(settings.db_path) as connection:
        sets = decision_queries.held_sets(connection)
    if as_json:
        print_json(sets)
    elif not sets:
        print("no deletions are held")
    else:
        table = make_table("Held deletions", "id", "product", "kind", ">rows", "since", "why")
        for row in sets:
            why = harmless(row["reason"])
            since, rows = minute(row["held_at"]), str(row["row_count"])
            table.add_row(str(row["id"]), _product(row), row["kind"], rows, since, why)
        make_console().print(table)
    return 0


def _show(settings: Settings, held_id: int, *, as_json: bool) -> int:
    with readonly.open_readonly(settings.db_path) as connection:
        found = decision_queries.held_set(connection, held_id)
    if found is None:
        raise NoSuchEntry(NO_SUCH_SET.format(held_id))
    if as_json:
        print_json(found)
        return 0
    print(f"{found['id']}: {found['status']}, {_product(found)}, {found['kind']}")
    print(f"{harmless(found['reason'])}; since {minute(found['held_at'])}")
    table = make_table("", "id", "title", "last seen", "")
    for row in found["rows"]:
        state = "deleted" if row["deleted_at"] else "seen again" if row["came_back"] else ""
        table.add_row(str(row["id"]), harmless(row["title"]), minute(row["synced_at"]), state)
    make_console().print(table)
    return 0


def _accept(settings: Settings, held_id: int) -> int:
    reply = decide(settings, lambda who: who.accept_deletions(held_id))
    if reply.word is Word.ALREADY_ACCEPTED:
        print("already accepted")
    else:
        print(f"accepted: {reply.kind.value}, rows marked as deleted: {reply.rows}")
    return 0


def _product(row: Row) -> str:
    if not row["product_id"]:
        return "the product list"
    return f"{row['product_id']} {harmless(row['product_name'])[:40]}".strip()
