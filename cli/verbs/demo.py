"""See it all work in half a minute: a simulated account, a daemon, one product that fails."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.screens.progress import make_progress
from control.client import ControlClient
from control.errors import ControlError, NoDaemon
from control.paths import socket_path
from control.protocol import RunView
from rules.model import RunStatus

EXAMPLES = """\
  testio-sync demo
  testio-sync demo --dir /tmp/my-demo
"""

READY_SECONDS = 15.0
RUN_SECONDS = 60.0
OURS = ("TESTIO_", "LOG_", "CACHE_TTL", "MAX_CONCURRENT", "HTTP_TIMEOUT")
SIMULATED = ("--products", "8", "--features", "12", "--tests", "150", "--latency-ms", "40")


class DemoFailed(Exception):
    """The demo could not go on; the text says where to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where everything of the demo is."""

    folder: Path
    database: Path
    environment: dict[str, str]
    control_url: str

    @property
    def control(self) -> ControlClient:
        """The daemon's control socket."""
        return ControlClient(socket_path(self.database))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync demo`."""
    parser.add_argument(
        "--dir",
        type=Path,
        metavar="FOLDER",
        help="where to leave the database (default: a new one)",
    )


def main(arguments: argparse.Namespace) -> int:
    """Play the demo; ends by itself."""
    folder = arguments.dir or Path(tempfile.mkdtemp(prefix="testio-sync-demo-"))
    try:
        with ExitStack() as stack:
            _play(_set_up(stack, folder.absolute()))
    except DemoFailed as error:
        print(f"testio-sync: {error}", file=sys.stderr)
        return 1
    return 0


def _set_up(stack: ExitStack, folder: Path) -> Scene:
    """Start the simulator and the daemon; both end with the stack."""
    database = folder / "testio.db"
    if database.exists():
        raise DemoFailed(f"{database} is there already; name another folder with --dir")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _say(f"A simulated Test IO account, and a daemon that mirrors it into {database}")
    ready = stack.enter_context(_simulator(folder))
    environment = {name: v for name, v in os.environ.items() if not name.startswith(OURS)}
    environment |= {
        "TESTIO_CUSTOMER_API_BASE_URL": ready["base_url"],
        "TESTIO_CUSTOMER_API_TOKEN": ready["token"],
        "TESTIO_DB_PATH": str(database),
        "XDG_CONFIG_HOME": str(folder),  # this user's own configuration is another account's
    }
    scene = Scene(
        folder=folder,
        database=database,
        environment=environment,
        control_url=ready["control_url"],
    )
    _break_one_product(scene)
    stack.enter_context(_daemon(scene))
    return scene


def _play(scene: Scene) -> None:
    _say("The daemon begins with a run, live:")
    run = _watch_run(scene, 1)
    failed = {problem.product_id for problem in run.errors}
    _say(
        f"Run {run.run_id} came out {run.status.value}: {len(failed)} product failed, "
        f"{run.products_synced} are complete:"
    )
    _show(scene, "status")
    _say("What happened last, as it stands in the table sync_events:")
    _show(scene, "events", "--limit", "12")
    _say("The simulator heals, and a sync through the daemon's socket brings the product in:")
    _post(scene, "faults", method="DELETE")
    _show(scene, "sync")
    _show(scene, "stop")
    print(
        f"\nThe database stays at {scene.database}\nWhat to type next:\n"  # noqa: S608
        f"  {_command()} status --db {scene.database} --all\n"
        f"  sqlite3 {scene.database} "
        '"SELECT product_name, kind, complete_as_of, rows FROM freshness"\n'
        f"  {_command()} run --help          the daemon on your own account\n"
        f"  {_command()} simulator --help    the simulator, with its faults"
    )


def _watch_run(scene: Scene, run_id: int) -> RunView:
    give_up_at = time.monotonic() + RUN_SECONDS
    with make_progress(scene.database) as progress:
        while time.monotonic() < give_up_at:
            current = scene.control.status().current_run
            if current is not None:
                progress.update(current)
            try:
                view = scene.control.run(run_id)
            except ControlError:
                continue
            if view.status is not RunStatus.RUNNING:
                progress.finish(view)
                return view
            time.sleep(0.1)
    raise DemoFailed(f"the run did not end in {RUN_SECONDS:g} s; see {scene.folder / 'daemon.log'}")


def _show(scene: Scene, *words: str) -> None:
    """Type a command as a person would, and show what it prints."""
    print(f"\n$ testio-sync {' '.join(words)}", flush=True)
    command, folder = _ours(*words), scene.folder
    subprocess.run(command, env=scene.environment, cwd=folder, check=False)  # nosec B603 # us


def _break_one_product(scene: Scene) -> None:
    """From now on the remote answers 500 for the features of one product."""
    account = _post(scene, "account", method="GET")
    sick = account["products"][2]
    fault = {"kind": "status", "status": 500, "product_id": sick["id"], "path": "*/features"}
    _post(scene, "faults", fault)
    print(f"The simulated remote answers 500 for the features of product {sick['id']}.")


def _post(scene: Scene, what: str, body: Any = None, *, method: str = "POST") -> Any:
    request = urllib.request.Request(
        f"{scene.control_url}/{what}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
    )
    # The simulator is on this machine, whatever proxies the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=5) as answer:
        return json.loads(answer.read() or b"null")


@contextmanager
def _simulator(folder: Path) -> Iterator[dict[str, str]]:
    command = _ours("simulator", "--json", *SIMULATED)
    with _process(command, cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise DemoFailed("the simulator did not start")
        yield json.loads(line)


@contextmanager
def _daemon(scene: Scene) -> Iterator[None]:
    log_path = scene.folder / "daemon.log"
    with (
        log_path.open("wb") as log,
        _process(_ours("run"), cwd=scene.folder, env=scene.environment, stderr=log) as process,
    ):
        give_up_at = time.monotonic() + READY_SECONDS
        while not _answers(scene.control):
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise DemoFailed(f"the daemon did not start; see {log_path}")
            time.sleep(0.05)
        yield


def _answers(control: ControlClient) -> bool:
    try:
        control.status()
    except (NoDaemon, ControlError):
        return False
    return True


@contextmanager
def _process(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A child that ends with the block, whatever happens."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)  # nosec B603 # us
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _ours(*words: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", *words]


def _command() -> str:
    """How this program was called, so that the hints can be copied."""
    return sys.argv[0] if Path(sys.argv[0]).name == "testio-sync" else "testio-sync"


def _say(line: str) -> None:
    print(f"\n== {line}", flush=True)
