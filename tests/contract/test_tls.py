"""The token goes to who can show a certificate for the host's name, and to nobody else."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests.adapters

from testio.client import TestioClient
from testio.errors import ConnectionFailed
from testio.limits import RequestScope, RetryBudget
from testio.transport import TransportOptions
from tests.contract.wire import reply
from tests.tools import needs_tool


def make_certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A certificate that says `name` and is signed by nobody but itself, in `folder`."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words += [
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
    ]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([needs_tool("openssl"), *words, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


class TlsServer:
    """Notes each request's head that arrives in the clear on its side."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heads: list[bytes] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.settimeout(5)
                with self._context.wrap_socket(connection, server_side=True) as secured:
                    self.heads.append(secured.recv(65_536))
                    secured.sendall(reply(b'{"products": []}'))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsServer]:
    made = TlsServer(make_certificate(tmp_path, "localhost"))
    yield made
    made.close()


@pytest.fixture
def list_products(server: TlsServer) -> Callable[[str], object]:
    """Ask the server by this name of its host."""

    def ask(host: str) -> object:
        options = TransportOptions(
            base_url=f"https://{host}:{server.port}", token=lambda: "a-secret-token"
        )
        client = TestioClient(options)
        try:
            return client.list_products(RequestScope(retries=RetryBudget(0))).records
        finally:
            client.close()

    return ask


def test_a_certificate_that_nobody_vouches_for_gets_no_token(
    server: TlsServer,
    list_products: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "certificate.pem"))
    with pytest.raises(ConnectionFailed, match="self-signed"):
        list_products("localhost")
    assert server.heads == []


def test_a_certificate_for_another_name_gets_no_token(
    server: TlsServer,
    list_products: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trusted = str(tmp_path / "certificate.pem")
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", trusted)
    with pytest.raises(ConnectionFailed, match="certificate is not valid"):
        list_products("127.0.0.1")
    assert server.heads == []
    assert list_products("localhost") == (), "its own name is believed"
    assert b"Authorization: Token a-secret-token" in server.heads[0]
