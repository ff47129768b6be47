"""Look at the mirror in a web browser: its tables, ready queries and charts; read-only.

Only this machine can connect, and only the first browser that opens the printed link. It ends
with Ctrl-C. A daemon may run and write meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
import webbrowser

from cli.common import add_settings_flags, settings_of
from cli.usage import UsageError
from config.children import forget

EXAMPLES = """\
  testio-sync browse
  testio-sync browse --no-open          # print the link only
  testio-sync browse --port 8001        # as on a machine that is reached through ssh -L
"""

MISSING = (
    "browse needs Datasette, which is not installed here: "
    "pip install 'testio-sync[browse]' (in the source folder: make install-extras)"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync browse`."""
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="listen there (default: any free port)"
    )
    parser.add_argument("--no-open", action="store_true", help="do not open a browser")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Serve until a signal; 2 if the extra is missing or the port is taken."""
    from storage.engine import readonly

    settings = settings_of(arguments)
    forget()  # a browser that is started from here is to know no token
    with readonly.open_readonly(settings.db_path) as connection:
        connection.execute("SELECT 1 FROM freshness LIMIT 1")
    try:
        from service.browse.door import door_to
        from service.browse.server import BrowseServer
    except ImportError as error:
        raise UsageError(MISSING) from error
    doors = contextlib.ExitStack()
    try:
        server = BrowseServer(settings.db_path, port=arguments.port, entered=doors.close)
    except OSError as error:
        raise UsageError(f"cannot listen on port {arguments.port}: {error.strerror}") from error
    print(server.url, flush=True)
    print("The link works once, in one browser. Ctrl-C ends.", file=sys.stderr)
    with doors:
        if not arguments.no_open:
            door = doors.enter_context(door_to(server.url))
            # A browser of the terminal would keep us from answering it.
            threading.Thread(target=_open, args=(door.url,), daemon=True).start()
        server.serve()
    return 0


def _open(url: str) -> None:
    if not webbrowser.open(url):
        print("testio-sync: no browser could be started; open the link by hand", file=sys.stderr)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65_535):
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535; got {text!r}")
    return int(text)
