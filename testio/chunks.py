"""A response that reads no chunk of a negative size, and steps over interim answers.

http.client takes such a chunk for "all that comes until the end of the connection", in one piece:
a server that sends `-1` and goes on sending fills the memory before any limit is looked at. Of
interim answers (1xx: "the real one follows") it knows 100 only, and takes a 103 for the answer.
"""

from __future__ import annotations

import http.client
from http import HTTPStatus


class CarefulResponse(http.client.HTTPResponse):
    """What the connections to the remote read their answers with."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK:
            http.client.parse_headers(self.fp)  # belong to the interim answer
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason

    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise ValueError(f"a chunk of {size} bytes")  # http.client makes IncompleteRead of it
        return size
