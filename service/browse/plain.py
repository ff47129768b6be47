"""Shows texts of the mirror as texts, whatever they hold and whatever their column is called.

Datasette makes a link of a text that is a URL, and its plugins make HTML of columns by their
names (`x_markdown`). Names and titles come from strangers: a link to a query of this very server
whose result holds an image would send the mirror away with one click. This plugin comes first.
"""

from __future__ import annotations

import sys

from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm

NAME = "testio-sync-plain-cells"


@hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
def render_cell(value: object, datasette: Datasette) -> str | None:
    """The text, shortened as Datasette does; the page escapes it. None for what is no text."""
    if not isinstance(value, str) or not value.strip():
        return None
    longest = int(datasette.setting("truncate_cells_html"))
    return value if not longest or len(value) <= longest else f"{value[:longest]}…"


def show_plainly() -> None:
    """From now on every Datasette of this process shows texts so: this module is a plugin."""
    if not pm.has_plugin(NAME):
        pm.register(sys.modules[__name__], name=NAME)
