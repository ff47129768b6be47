"""What is done inside a process before it begins: the faults that cannot come from outside.

Each function is named in `Trial.start(..., inside="tests.faults.inside:NAME ARGUMENTS")`.
"""

from __future__ import annotations

import ctypes
import os
from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import Any

from service import remote_client
from testio import client
from testio.limits import Breaker
from testio.transport import TransportOptions

BEGINS = f"{__name__}:begins"
SHORT_PAUSES = f"{__name__}:short_pauses"


def begins(path: str) -> None:
    """Say by a file that the command begins now."""
    Path(path).touch()


def short_pauses() -> None:
    """Hold back for tenths of seconds where the client holds back for seconds."""
    init = Breaker.__init__

    def short(self: Breaker, **given: Any) -> None:
        init(self, **({"patience": 1.0, "first_pause": 0.1, "longest_pause": 1.0} | given))

    Breaker.__init__ = short  # type: ignore[method-assign]
    quick = partial(TransportOptions, first_pause_seconds=0.02, longest_pause_seconds=0.2)
    setattr(remote_client, "TransportOptions", quick)  # noqa: B010 (it is no name to export)


def without_privileges() -> None:
    """Root is an owner like any other from here on: the rights of files hold for it."""
    version_3, all_of_this_process = 0x20080522, 0
    header = (ctypes.c_uint32 * 2)(version_3, all_of_this_process)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0 and libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def fail_with_the_token(marker: str) -> None:
    """Every listing of tests fails with the token in its error, while there is a file `marker`."""
    listing = client.TestioClient.list_tests

    def fails(self: client.TestioClient, *given: Any, **named: Any) -> Any:
        if Path(marker).exists():
            token = os.environ["TESTIO_CUSTOMER_API_TOKEN"]
            header = {"Authorization": f"Token {token}", "Cookie": b64encode(token.encode())}
            raise RuntimeError(f"a bug, with {header}")
        return listing(self, *given, **named)

    client.TestioClient.list_tests = fails  # type: ignore[method-assign]
