"""Addresses: those of this machine that nobody outside of it can reach, and hosts in URLs."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

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


LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
"""A part of a name between two dots. An underscore is no good style, but there are such names."""
LONGEST_NAME = 253


def web_url(text: str, *, like: str) -> SplitResult:
    """The parts of an http or https URL whose host can exist. Raises ValueError: a URL `like`."""
    try:
        parts = urlsplit(text)
        has_port = parts.port != 0
    except ValueError as error:
        raise ValueError(f"a URL like {like}") from error
    if not has_port or parts.scheme not in ("https", "http") or not text.isprintable():
        raise ValueError(f"a URL like {like}")
    if " " in text or not can_be_host(parts.hostname or ""):
        raise ValueError(f"a URL like {like}, whose host can exist")
    return parts


def can_be_host(host: str) -> bool:
    """Whether there can be such a name or address; nobody is asked."""
    if ":" in host or host.rpartition(".")[2].isdigit():
        try:
            return "%" not in host and bool(ipaddress.ip_address(host))
        except ValueError:
            return False
    try:
        name = host.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:  # a part is empty or too long
        return False
    return len(name) <= LONGEST_NAME and all(map(LABEL.fullmatch, name.split(".")))
