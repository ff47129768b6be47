"""Datasette with the mirror, its queries and its charts, on this machine only."""

from __future__ import annotations

import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import datasette_dashboards  # noqa: F401 (Datasette finds it by itself; it has to be there)
import rich
import uvicorn
from datasette.app import Datasette
from datasette.database import Database

from service.browse.charts import DATABASE, PAGE, dashboard
from service.browse.gate import Gate
from service.browse.plain import show_plainly
from service.browse.queries import QUERIES

LOOPBACK = "127.0.0.1"
SQL_TIME_LIMIT_MS = 10_000


class ReadOnlyMirror(Database):  # type: ignore[misc]
    """The mirror as Datasette sees it: a file that others write, opened so that it cannot."""

    def __init__(self, datasette: Datasette, path: Path) -> None:
        super().__init__(datasette, path=str(path), is_mutable=True)

    def connect(self, write: bool = False) -> sqlite3.Connection:
        """A reading connection. Not `immutable`, which would miss what the daemon writes."""
        if write:
            raise PermissionError("the mirror is read-only here")
        uri = f"file:{quote(str(self.path))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        self._all_file_connections.append(connection)
        return connection


class BrowseServer:
    """Serves one mirror until a signal ends it."""

    def __init__(
        self, path: Path, *, port: int = 0, entered: Callable[[], None] = lambda: None
    ) -> None:
        """Take the port; 0 takes any free one. Raises OSError where it is taken.

        `entered` is called once, when the link has been used.
        """
        self._socket = socket.create_server((LOOPBACK, port))
        self._port = self._socket.getsockname()[1]
        show_plainly()
        datasette = Datasette(
            [],
            metadata=_metadata(),
            settings={"sql_time_limit_ms": SQL_TIME_LIMIT_MS, "default_cache_ttl": 0},
        )
        datasette.remove_database("_memory")
        datasette.add_database(ReadOnlyMirror(datasette, path.absolute()), name=DATABASE)
        self._gate = Gate(
            datasette.app(),
            cookie=f"testio_sync_{self._port}",
            leads_to=f"/-/dashboards/{PAGE}",
            entered=entered,
        )

        # Until it serves, a signal ends what was begun in order: the door's page goes with it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _leave)

    @property
    def url(self) -> str:
        """The link that lets one browser in."""
        return f"http://{LOOPBACK}:{self._port}{self._gate.entrance}"

    def serve(self) -> None:
        """Answer until SIGINT or SIGTERM."""
        config = uvicorn.Config(self._gate, log_level="warning", access_log=False, lifespan="on")
        server = uvicorn.Server(config)
        # One that comes before uvicorn listens for signals ends it as well; and it raises those
        # that it has met again, at its end, for whoever handled them before.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, server.handle_exit)
        # Datasette prints every refused query, with all its variables, where rich is installed.
        rich.reconfigure(quiet=True)
        with self._socket:
            server.run(sockets=[self._socket])


def _leave(_signal: int, _frame: object) -> None:
    raise SystemExit(0)


def _metadata() -> dict[str, Any]:
    return {
        "title": "testio-sync",
        "description": "A local copy of a Test IO account, read-only.",
        "databases": {
            DATABASE: {
                "queries": {
                    name: {
                        "title": query.title,
                        "description": query.description,
                        "sql": query.sql.strip(),
                    }
                    for name, query in QUERIES.items()
                },
            },
        },
        "plugins": {"datasette-dashboards": {PAGE: dashboard()}},
    }
