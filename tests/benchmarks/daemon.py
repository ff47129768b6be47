"""The daemon at rest, its start, and the commands beside it: `python -m tests.benchmarks.daemon`.

Memory and processor are those that Linux counts for the process; elsewhere they are left out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from control.views import StatusReply
from tests.benchmarks.commands import Installation, wait_until
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import Remote, simulated
from tests.benchmarks.result import Figure, Result, Target

RSS = Target(most=85.0)
PROCESSOR = Target(most=0.1)
STATUS = Target(most=0.3)
HELP = Target(most=0.15)
FIRST_REQUEST = Target(most=1.0)
IDLE_SECONDS, QUICK_IDLE_SECONDS = 20.0, 4.0
SETTLING_SECONDS = 2.0


def measure(options: Options) -> Result:
    """Every figure of the daemon. Raises NoResult."""
    with simulated(options.size) as remote:
        starts = [_first_request(remote) for _ in range(options.pairs)]
        with tempfile.TemporaryDirectory() as folder:
            beside = _beside_a_daemon(Installation(Path(folder), remote), options)
    start = Figure(name="start to the first request", unit="s", values=starts, target=FIRST_REQUEST)
    what = f"{options.size}; the log goes to /dev/null; whole processes, from their start"
    return Result(name="daemon", title="Daemon", what=what, figures=[start, *beside])


def _first_request(remote: Remote) -> float:
    """From the start of a new daemon until the remote has its first request."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), remote)
        remote.forget_requests()
        began = time.time()  # the clock of the remote's log
        with installation.daemon():
            wait_until(lambda: bool(remote.requests()), "the first request")
        return float(remote.requests()[0]["at"]) - began


def _beside_a_daemon(installation: Installation, options: Options) -> list[Figure]:
    seconds = QUICK_IDLE_SECONDS if options.quick else IDLE_SECONDS
    with installation.daemon() as pid:
        wait_until(lambda: installation.tells(_has_synced), "the end of the first run")
        time.sleep(SETTLING_SECONDS)
        idle = _idle(pid, seconds, options.pairs) if Path("/proc/self/schedstat").exists() else []
        status = [installation.seconds_of("status") for _ in range(options.pairs)]
        shown = [installation.seconds_of("--help") for _ in range(options.pairs)]
    return [
        *idle,
        Figure(name="`testio-sync status`", unit="s", values=status, target=STATUS),
        Figure(name="`testio-sync --help`", unit="s", values=shown, target=HELP),
    ]


def _has_synced(status: StatusReply) -> bool:
    return status.current_run is None and status.remote.results.get("ok", 0) > 1


def _idle(pid: int, seconds: float, rounds: int) -> list[Figure]:
    shares = []
    for _ in range(rounds):
        before = _on_processor(pid)
        time.sleep(seconds)
        shares.append(100 * (_on_processor(pid) - before) / seconds)
    return [
        Figure(name="idle: resident memory", unit="MB", values=[_rss_mb(pid)], target=RSS),
        Figure(name="idle: processor", unit="%", values=shares, target=PROCESSOR),
    ]


def _rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def _on_processor(pid: int) -> float:
    """Seconds that its threads have run; the counters of /proc/PID/stat are too coarse."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="utf-8").split()[0]) for task in tasks) / 1e9


if __name__ == "__main__":
    sys.exit(main(("daemon",)))
