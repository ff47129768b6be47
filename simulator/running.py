"""A simulator inside a program: the server on a thread of its own, driven from any other."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from simulator.api import PREFIX
from simulator.faults import parse_fault
from simulator.mutations import mutate, parse_mutation
from simulator.options import SimulatorOptions, checked_token
from simulator.rows import JsonObject
from simulator.server import Server
from simulator.world import LoggedRequest, World

T = TypeVar("T")

CALL_SECONDS = 30.0
"""How long a call may wait for the server's thread."""


class Simulator:
    """A context manager around one running simulator.

    Every method may be called from any thread; the work is done on the server's loop. Leaving
    the context drops open connections, hanging ones included, and ends the thread.
    """

    def __init__(
        self,
        options: SimulatorOptions | None = None,
        *,
        faults: Iterable[Mapping[str, object]] = (),
    ) -> None:
        """`faults` are in force from the first request on; see `add_fault` for their fields.

        Raises:
            InvalidInputError: a fault is not valid.
        """
        self.options = options or SimulatorOptions()
        self._server = Server(self.options, [parse_fault(fault) for fault in faults])
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    def __enter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: the port is taken or not allowed.
        """
        self._thread.start()
        try:
            self._loop = self._started.result(CALL_SECONDS)
        except OSError:
            self._thread.join(CALL_SECONDS)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop listening and drop every connection."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(CALL_SECONDS)

    @property
    def url(self) -> str:
        """Scheme, host and port; the control endpoints are under /simulator/."""
        return self._server.url

    @property
    def base_url(self) -> str:
        """What a client of the API is given."""
        return self.url + PREFIX

    @property
    def token(self) -> str:
        """The token that opens the account, unless it is revoked."""
        return self._call(lambda world: world.token.value)

    def account(self) -> JsonObject:
        """The truth: all rows, unpaged, in the API's forms, by `products`, `features`, `tests`."""
        return self._call(lambda world: world.account.truth())

    def state(self) -> JsonObject:
        """Counts of rows and requests, the faults in force, whether the token is valid."""
        return self._call(World.summary)

    def add_fault(self, *, kind: str, **fields: Any) -> int:
        """Put a fault in force and return its id; `fields` as at POST /simulator/faults.

        Raises:
            InvalidInputError: a field is not valid; the error names it.
        """
        fault = parse_fault({"kind": kind, **fields})
        return self._call(lambda world: world.faults.add(fault))

    def remove_fault(self, number: int) -> None:
        """Take back one fault.

        Raises:
            UnknownIdError: there is no such fault, or it is spent.
        """
        self._call(lambda world: world.faults.remove(number))

    def clear_faults(self) -> None:
        """Take back all faults."""
        self._call(lambda world: world.faults.clear())

    def mutate(
        self,
        action: str,
        kind: str,
        *,
        product_id: int | None = None,
        id: int | None = None,
        fields: Mapping[str, object] | None = None,
    ) -> JsonObject:
        """Change the account as POST /simulator/mutations does, and return the row.

        Raises:
            InvalidInputError: a field is not valid; the error names it.
            UnknownIdError: there is no such product, feature or test.
        """
        given = {"action": action, "kind": kind, "product_id": product_id, "id": id}
        mutation = parse_mutation({**given, "fields": fields})
        return self._call(lambda world: mutate(world.account, mutation))

    def requests(self) -> list[LoggedRequest]:
        """The request log, oldest first."""
        return self._call(lambda world: world.log.lines())

    def forget_requests(self) -> None:
        """Empty the request log."""
        self._call(lambda world: world.log.forget())

    def revoke_token(self) -> None:
        """Answer 401 from now on, until a token is set."""
        self._call(lambda world: world.token.revoke())

    def set_token(self, token: str) -> None:
        """Accept this token, and no other, from now on.

        Raises:
            InvalidInputError: it cannot stand in a header.
        """
        value = checked_token(token)
        self._call(lambda world: world.token.replace(value))

    def drop_connections(self) -> None:
        """End every open connection where it stands."""
        self._carry_out(self._server.drop_connections())

    @contextmanager
    def away(self) -> Iterator[None]:
        """While the block lasts nobody listens; then it is back on the same port."""
        self._carry_out(self._server.stop())
        try:
            yield
        finally:
            self._carry_out(self._server.start())

    def _carry_out(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    def _call(self, work: Callable[[World], T]) -> T:
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work(self._server.world))
            except BaseException as error:
                future.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return future.result(CALL_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        try:
            await self._server.start()
        except OSError as error:
            self._started.set_exception(error)
            return
        self._started.set_result(asyncio.get_running_loop())
        await self._stopping.wait()
        await self._server.stop()
