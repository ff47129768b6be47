"""Run a stand-in for the remote on this machine, with faults to try things with."""

from __future__ import annotations

import argparse

from simulator import command

EXAMPLES = """\
  testio-sync simulator --products 20 --latency-ms 50
  testio-sync simulator --fault '{"kind": "status", "status": 500, "product_id": 3}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync simulator`."""
    command.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    return command.serve(arguments)
