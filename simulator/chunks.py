"""A body in chunks, and what can be wrong with them."""

from collections.abc import Iterator

SIZE = 1024
ENDLESS = b" " * 65_536
DEFECTS = ("none", "size", "negative", "short", "endless", "trailers")
"""`size`: no number; `negative`: -1, and spaces for ever; `short`: the connection ends within a
chunk; `endless`: the last chunk never comes; `trailers`: header lines after it, for ever."""


def chunked(body: bytes, defect: str) -> Iterator[bytes]:
    """The pieces of `body` as chunks; the defect is met half way down, or at the end."""
    parts = [body[start : start + SIZE] for start in range(0, len(body), SIZE)]
    half = len(parts) // 2
    for part in parts[:half]:
        yield _chunk(part)
    if defect == "size":
        yield b"many\r\n"
    elif defect == "negative":
        yield b"-1\r\n"
        while True:
            yield ENDLESS
    elif defect == "short":
        yield b"%x\r\n" % (2 * SIZE) + b" " * SIZE
        return
    for part in parts[half:]:
        yield _chunk(part)
    if defect == "trailers":
        yield b"0\r\n"
        while True:
            yield b"X-And-So: on\r\n" * 1000
    elif defect != "endless":
        yield b"0\r\n\r\n"


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)
