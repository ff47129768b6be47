"""requests over a Unix socket, for tools that speak through a session."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool


class _Connection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("sync")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(str(self._path))


class _Pool(HTTPConnectionPool):
    def __init__(self, path: Path) -> None:
        super().__init__("sync", maxsize=1)
        self._path = path

    def _new_conn(self) -> _Connection:
        return _Connection(self._path)


class _Adapter(HTTPAdapter):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._pool = _Pool(path)

    def get_connection_with_tls_context(self, *_given: Any, **_more: Any) -> _Pool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


def unix_session(path: Path) -> requests.Session:
    """A session whose every `http://sync/...` goes to this socket."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://sync", _Adapter(path))
    return session
