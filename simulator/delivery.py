"""Sending a reply in its manner: late, byte by byte, cut short, too long, or never."""

import asyncio
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator

from simulator.chunks import chunked
from simulator.http import Reply, render_interim

CHUNK = 65_536
HEADER = b"X-And-So: on\r\n"
CONTINUED_BY_SILENCE = "endless"
CUT_SHORT = "short"


class Delivery:
    """One reply on its way over one connection. Runs on the loop, cancelled with the connection."""

    def __init__(
        self,
        transport: asyncio.Transport,
        drained: Callable[[], Awaitable[None]],
        head: bytes,
        reply: Reply,
    ) -> None:
        """`drained` waits until the transport's buffer has room again."""
        self._transport = transport
        self._drained = drained
        self._head = head
        self._reply = reply

    async def run(self) -> None:
        """Send the reply; returns when all is written or the connection was ended."""
        manner = self._reply.manner
        if manner.delay_seconds:
            await asyncio.sleep(manner.delay_seconds)
        if manner.hang:
            await asyncio.Event().wait()
        if manner.reset and manner.cut_after is None:
            reset(self._transport)
            return
        for piece in self._pieces():
            if self._transport.is_closing():
                return  # the client has gone
            self._transport.write(piece)
            await self._pause()
        if manner.chunks == CONTINUED_BY_SILENCE:
            await asyncio.Event().wait()
        if manner.cut_after is not None or manner.chunks == CUT_SHORT:
            await self._end()
        elif manner.hang_up_after is not None:
            await self._hang_up(manner.hang_up_after)

    async def _pause(self) -> None:
        manner = self._reply.manner
        seconds = manner.byte_seconds if manner.endless_head is None else manner.endless_head
        # Even without a pause others have to have their turn: what is endless never waits else.
        await asyncio.sleep(seconds or 0)
        await self._drained()

    async def _hang_up(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._reply.manner.half and not self._transport.is_closing():
            self._transport.write_eof()
            await asyncio.Event().wait()
        self._transport.close()

    async def _end(self) -> None:
        if not self._reply.manner.reset:
            self._transport.close()
            return
        # A reset discards what is still buffered here, and that is owed to the client.
        while self._transport.get_write_buffer_size() and not self._transport.is_closing():
            await asyncio.sleep(0.001)
        reset(self._transport)

    def _pieces(self) -> Iterator[bytes]:
        manner = self._reply.manner
        size = CHUNK if manner.byte_seconds is None else 1
        if manner.interim is not None:
            yield render_interim(manner.interim)
        if manner.endless_head is not None:
            yield self._head.partition(b"\r\n")[0] + b"\r\n"
            yield from itertools.repeat(HEADER)
        once = (self._head,), self._body()
        again = ((self._head,), self._body()) if manner.twice else ()
        for part in itertools.chain(*once, *again):
            for start in range(0, len(part), size):
                yield part[start : start + size]

    def _body(self) -> Iterator[bytes]:
        reply, manner = self._reply, self._reply.manner
        if manner.chunks is not None:
            yield from chunked(reply.body, manner.chunks)
            return
        left = len(reply.body) + manner.padding + manner.surplus
        if manner.cut_after is not None:
            left = min(left, manner.cut_after)
        yield reply.body[:left]
        left -= min(left, len(reply.body))
        while left > 0:
            yield b" " * min(left, CHUNK)
            left -= CHUNK


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with RST instead of FIN."""
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
