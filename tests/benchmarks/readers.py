"""Are readers held up by a sync? `python -m tests.benchmarks.readers`

A reader asks again and again for rows that are in the mirror already, while the rest of the account
is synced: into the file that it reads, and, for the same load on the machine, into a copy of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.bounded import ROOT, NoResult
from tests.benchmarks.contestant import OURS
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import Remote, Size, simulated
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import in_turns, percentile, ratios

HELD_UP = Target(most=2.0)
SIZE, QUICK_SIZE = Size(products=200), Size(products=30)
KNOWN = 10
"""Products that are in the mirror before; the reader asks for these."""
LONGEST_END = 30.0


def measure(options: Options) -> Result:
    """The 99th percentiles of the reader's queries, and their ratio. Raises NoResult."""
    size = QUICK_SIZE if options.quick else SIZE
    with simulated(size) as remote, tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before"
        products = _some_products(remote, before)
        same, other = "the file that is written", "another file"
        slowest = in_turns(
            {
                where: _slowest_query(remote, before, products, shared=where == same)
                for where in (same, other)
            },
            options.pairs,
        )
    name = "99th percentile of a reader's queries"
    figures = [
        Figure(name=name, unit="ms", values=slowest[where], group=f"reads {where}")
        for where in (same, other)
    ]
    ratio = ratios(slowest[same], slowest[other])
    figures.append(Figure(name="ratio of the two", unit="", values=ratio, target=HELD_UP))
    what = f"the tests of one product, every 2 ms, during a full sync of {size}"
    return Result(name="readers", title="Readers", what=what, figures=figures)


def _some_products(remote: Remote, folder: Path) -> list[int]:
    """Mirror a few products into a folder; their ids."""
    folder.mkdir()
    ids = remote.product_ids()[:KNOWN]
    remote.sync(OURS.with_flags("--product-ids", *map(str, ids)), str(folder))
    return ids


def _slowest_query(
    remote: Remote, before: Path, products: list[int], *, shared: bool
) -> Callable[[], float]:
    def once() -> float:
        with tempfile.TemporaryDirectory() as folder:
            written, still = Path(folder) / "written", Path(folder) / "still"
            for copy in (written, still):
                shutil.copytree(before, copy)
            read = written if shared else still
            answers = _read_during(lambda: _sync(remote, written), read / "testio.db", products)
        return percentile(answers, 0.99)

    return once


def _sync(remote: Remote, folder: Path) -> None:
    remote.full_sync(OURS, str(folder))


def _read_during(work: Callable[[], None], database: Path, products: list[int]) -> list[float]:
    """Milliseconds of each query while the work is done. Raises NoResult."""
    flags = ["--database", str(database), "--products", *map(str, products)]
    command = [sys.executable, "-m", "tests.benchmarks.reading", *flags]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as reader:
        assert reader.stdout is not None
        try:
            if reader.stdout.readline() != "ready\n":
                raise NoResult("the reader did not come up")
            work()
            printed, _ = reader.communicate("end\n", timeout=LONGEST_END)
        except subprocess.TimeoutExpired:
            raise NoResult(f"the reader did not end within {LONGEST_END:g} s") from None
        finally:
            reader.kill()
    answers: list[float] = json.loads(printed)["milliseconds"]
    return answers


if __name__ == "__main__":
    sys.exit(main(("readers",)))
