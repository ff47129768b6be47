"""26: the token is in no log, file, answer, process or notification, and goes to no other host."""

from __future__ import annotations

import base64
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from simulator import Simulator, SimulatorOptions
from tests.faults.programme import fault
from tests.faults.trial import Process, Trial
from tests.token_forms import assert_nothing_of_the_token
from tests.unix_http import unix_session

SPECIAL = "+/=&%:?#~"
LETTERS = "ABCxyz0189'\"\\<>{}$;,"
HOOK = """#!/bin/sh
{ cat; env; tr '\\0' ' ' < /proc/$$/cmdline; } >> notified.txt
"""
PATHS = ("/v1/status", "/v1/health", "/v1/events?limit=1000", "/v1/runs/1", "/metrics", "/nothing")
STATUSES = (301, 302, 303, 307, 308)
LISTS = ("*/features", "*/exploratory_tests")


@fault(26, "the token looked for everywhere", short=1, long=40)
def looked_for_everywhere(trial: Trial) -> None:
    """While the remote says it back, a bug puts it into an error, and all that writes is used."""
    token, home = _new_token(trial), trial.home
    marker = home.folder / "fail"
    hook = home.folder / "hook.sh"
    hook.write_text(HOOK)
    hook.chmod(0o700)
    home.settings |= {"TESTIO_NOTIFY_COMMAND": str(hook), "LOG_LEVEL": "DEBUG"}
    daemon = trial.daemon(inside=f"tests.faults.inside:fail_with_the_token {marker}")
    said_back = trial.dice.choice([token, f"Token {token}", _base64(token), f'{{"e": "{token}"}}'])
    product_id = trial.dice.choice(trial.products())
    where = f"*/products/{product_id}/features"
    with trial.hit(kind="status", status=400, body=said_back, path=where):
        assert trial.run(force=True).status == "partial"
    marker.touch()
    assert trial.run(force=True).status in ("partial", "failed")
    trial.wait_for(lambda: "a bug, with" in daemon.log.text, "the traceback in the log")
    daemon.signal(signal.SIGUSR1)
    trial.wait_for(lambda: "thread_stack" in daemon.log.text, "the threads in the log")
    trial.wait_for((home.folder / "notified.txt").exists, "the notification")
    places = _commands_write(trial) | _answers(trial)
    places |= {str(path): path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    assert b"TESTIO_NOTIFY_EVENT=" in places[str(home.folder / "notified.txt")]
    marker.unlink()
    _end(trial, daemon)
    places["the daemon's log"] = daemon.log.text.encode()
    assert_nothing_of_the_token(places, token)
    trial.saw("in no log, file, answer, output, command line or environment")


@fault(26, "redirects to other hosts", short=1, long=20)
def redirects(trial: Trial) -> None:
    """Another port, another host, another scheme; nobody there hears of the token, or anything."""
    token = _new_token(trial)
    trial.daemon()
    with Simulator(SimulatorOptions(products=1, token=token)) as other, _recorder() as recorder:
        targets = [
            f"{other.base_url}/products",
            f"{other.base_url.replace('127.0.0.1', 'localhost')}/products?token=1",
            f"http://127.0.0.1:{recorder.port}/",
            f"https://127.0.0.1:{recorder.port}/",
            f"//localhost:{recorder.port}/x",
            f"http://x@127.0.0.1:{recorder.port}/",
        ]
        pairs = [(status, target) for status in STATUSES for target in targets]
        trial.dice.shuffle(pairs)
        for status, target in pairs if trial.is_long else pairs[:8]:
            path = trial.dice.choice(LISTS)
            trial.simulator.add_fault(
                kind="redirect", status=status, location=target, path=path, times=1
            )
        for _ in range(12):
            trial.run(force=True)
            if not trial.simulator.state()["faults"]:
                break
        assert not trial.simulator.state()["faults"], "not every redirect was met"
        assert other.requests() == [], "a redirect was followed"
        assert not recorder.heard, f"a redirect was followed: {recorder.heard[:3]}"
    trial.saw("none followed")


def _end(trial: Trial, daemon: Process) -> None:
    """In order; `Trial.stop` does not allow for the traceback in the log."""
    trial.unwatch()
    daemon.signal(signal.SIGTERM)
    trial.daemon_process = None
    assert daemon.wait() == 0


def _new_token(trial: Trial) -> str:
    """The account's from now on; it looks different in every encoding."""
    letters = [*SPECIAL, *trial.dice.choices(SPECIAL + LETTERS, k=trial.dice.randrange(4, 40))]
    trial.dice.shuffle(letters)
    token = "".join(letters)
    trial.simulator.set_token(token)
    trial.home.settings["TESTIO_CUSTOMER_API_TOKEN"] = token
    return token


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _answers(trial: Trial) -> dict[str, bytes]:
    """Each reply of the control socket."""
    with unix_session(trial.control.path) as session:
        answers = {path: session.get(f"http://sync{path}").content for path in PATHS}
        answers["a bad body"] = session.post("http://sync/v1/runs", data=b"{").content
        return answers


def _commands_write(trial: Trial) -> dict[str, bytes]:
    """What commands print, and every command line that there is while they run."""
    verbs = [("backup", "copy.db"), ("export", "--to", "out"), ("check",), ("events",)]
    verbs += [("status", "--json"), ("runs", "show", "2"), ("problems", "list")]
    chosen = verbs if trial.is_long else [*verbs[:2], *trial.dice.sample(verbs[2:], 2)]
    started = [(words, trial.start(*words)) for words in chosen]
    places = {str(path): _bytes(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    for words, process in started:
        process.wait()
        places[" ".join(words)] = (process.out.text + process.log.text).encode()
    assert (trial.home.folder / "copy.db").exists()
    return places


def _bytes(path: Path) -> bytes:
    with suppress(OSError):  # the process has gone
        return path.read_bytes()
    return b""


@dataclass
class Recorder:
    """Listens, and keeps whatever comes; answers nothing."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@contextmanager
def _recorder() -> Iterator[Recorder]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Recorder(listener.getsockname()[1])

        def hear() -> None:
            with suppress(OSError):  # the end of the block
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.settimeout(1.0)
                        made.heard.append(b"a connection")
                        with suppress(OSError):
                            made.heard.append(connection.recv(65_536))

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5.0)
