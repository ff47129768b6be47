"""A response that reads no chunk of a negative size.

http.client takes one for "all that comes until the end of the connection", in one piece: a
server that sends `-1` and goes on sending fills the memory before any limit is looked at.
"""

from __future__ import annotations

import http.client


class CarefulResponse(http.client.HTTPResponse):
    """What the connections to the remote read their answers with."""

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise ValueError(f"a chunk of {size} bytes")  # http.client makes IncompleteRead of it
        return size
