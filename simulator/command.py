"""The simulator as a command: its flags, its ready line, its end by a signal."""

import argparse
import asyncio
import os
import signal
import sys
from typing import Any

import orjson

from simulator.api import PREFIX as API_PREFIX
from simulator.control import PREFIX as CONTROL_PREFIX
from simulator.faults import Fault, parse_fault
from simulator.options import PlainFeatures, SimulatorOptions
from simulator.problems import InvalidInputError
from simulator.server import Server

FAILED = 1
WRONG_USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the simulator's flags to `parser`."""
    default = SimulatorOptions()
    flag = parser.add_argument
    flag("--port", type=int, default=default.port, help="0 (the default) takes a free port")
    flag("--seed", type=int, default=default.seed, help="same seed and size, same account")
    flag("--products", type=int, default=default.products, metavar="N")
    flag("--features", type=int, default=default.features, metavar="N", help="of each product")
    flag("--tests", type=int, default=default.tests, metavar="N", help="of each product")
    flag("--section-products", type=int, metavar="N", help="products with sections; 1 in 5")
    flag("--latency-ms", type=float, default=0.0, metavar="MS", help="pause before each answer")
    flag("--rate-limit", type=float, metavar="N", help="requests a second, beyond it 429")
    flag("--max-per-page", type=int, metavar="N", help="larger per_page values become this")
    flag("--token", default=default.token, help=f"default: {default.token}")
    flag(
        "--plain-features",
        choices=[habit.value for habit in PlainFeatures],
        default=default.plain_features_for_sections.value,
        help="the plain features endpoint's answer for products with sections",
    )
    flag("--section-ids", action="store_true", help="lists of features tell their sections")
    flag("--clock-ahead", type=float, default=0.0, metavar="SECONDS", help="of its Date header")
    flag("--fault", action="append", default=[], metavar="JSON", help="may be given repeatedly")
    flag("--json", action="store_true", help="print the ready line as one JSON object")


def serve(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns 0, or 1 when it cannot listen or say where it does, or 2 for bad flags.
    """
    try:
        options, faults = _options(arguments), [_fault(text) for text in arguments.fault]
    except InvalidInputError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return WRONG_USAGE
    return asyncio.run(_serve(options, faults, as_json=arguments.json))


def _options(arguments: argparse.Namespace) -> SimulatorOptions:
    return SimulatorOptions(
        port=arguments.port,
        seed=arguments.seed,
        products=arguments.products,
        features=arguments.features,
        tests=arguments.tests,
        section_products=arguments.section_products,
        latency_seconds=arguments.latency_ms / 1000,
        rate_limit=arguments.rate_limit,
        max_per_page=arguments.max_per_page,
        token=arguments.token,
        plain_features_for_sections=PlainFeatures(arguments.plain_features),
        section_ids_in_lists=arguments.section_ids,
        clock_ahead_seconds=arguments.clock_ahead,
    )


def _fault(text: str) -> Fault:
    try:
        given: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("--fault", f"is not JSON: {error}") from error
    return parse_fault(given)


async def _serve(options: SimulatorOptions, faults: list[Fault], *, as_json: bool) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Before the account is made, which takes seconds when it is large.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = Server(options, faults)
    try:
        await server.start()
    except OSError as error:
        return _failed(f"cannot listen on {options.host}:{options.port}: {error.strerror}")
    try:
        if not _printed(_ready_line(server, as_json=as_json)):
            return _failed("nobody reads where it listens: standard output is closed")
        await stopping.wait()
    finally:
        await server.stop()
    return 0


def _failed(reason: str) -> int:
    print(f"simulator: {reason}", file=sys.stderr)
    return FAILED


def _printed(line: str) -> bool:
    try:
        print(line, flush=True)
    except OSError:
        # What is still buffered would otherwise be tried again, loudly, at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _ready_line(server: Server, *, as_json: bool) -> str:
    base_url, token = server.url + API_PREFIX, server.world.token.value
    if not as_json:
        return f"simulator ready at {base_url} (token: {token})"
    control_url = (server.url + CONTROL_PREFIX).rstrip("/")
    ready = {"base_url": base_url, "control_url": control_url, "token": token}
    return orjson.dumps({**ready, "pid": os.getpid()}).decode()
