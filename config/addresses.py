"""Addresses of this machine that nobody outside of it can reach."""

from __future__ import annotations

import ipaddress
import re

EXAMPLE = "an address of this machine with a port, like 127.0.0.1:9464 or [::1]:9464"
SHAPE = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")


def loopback_address(text: str) -> tuple[str, int]:
    """The host and the port that `text` names; port 0 is any free one. Raises ValueError."""
    shape = SHAPE.fullmatch(text.strip())
    if shape is None or int(shape["port"]) > 65_535:
        raise ValueError(EXAMPLE)
    try:
        host = ipaddress.ip_address(shape["six"] or shape["four"])
    except ValueError as error:
        raise ValueError(EXAMPLE) from error
    if (host.version == 6) != bool(shape["six"]):
        raise ValueError(EXAMPLE)
    if not host.is_loopback:
        raise ValueError(f"{EXAMPLE}; others could read the metrics of {host}")
    return str(host), int(shape["port"])
