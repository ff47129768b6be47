"""23: whoever can open the control socket sends it anything, in masses, slowly, or goes away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.faults.programme import fault
from tests.faults.trial import Trial

END = b" HTTP/1.1\r\nHost: testio-sync\r\nConnection: close\r\n"
SECONDS = 10.0
"""Until the daemon has to answer again, and the longest that a refusal may take."""
HALF_OPEN = 1_000
BAD_LINES = (
    b"FETCH /v1/status",
    b"TRACE /v1/status",
    b"get /v1/status",
    b"PUT /v1/runs",
    b"GET /",
    b"GET /v2/status",
    b"GET /v1/../../etc/passwd",
    b"GET /v1/%00%ff%ed%a0%80",
    b"GET //v1//status",
    b"GET /v1/runs/-1",
    b"GET /v1/runs/" + b"9" * 5_000,
    b"GET /v1/runs/" + b"0" * 5_000,
    b"GET /v1/runs/99999999999999999999",
    b"GET /v1/events?since=" + b"0" * 5_000,
    b"GET /v1/events?since=" + b"0" * 30 + b"9" * 30,
    b"GET /v1/events?since=%D9%A3",
    b"GET /v1/events?limit=0",
    b"GET /v1/events?wait=1e3",
    b"GET /v1/events?%00=%00",
    b"GET /v1/status?unknown=1",
)
"""The first line of requests that nothing answers."""
BAD_BODIES = (
    b"[" * 60_000,
    b'{"force":' * 7_000,
    b'{"product_ids":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"product_ids": [1e400]}',
    b'{"product_ids": [' + b"9" * 50_000 + b"]}",
    b'{"force": "\\ud800"}',
    b'{"\\ud800\\u0000": true}',
    b'{"force": NaN}',
    b"\xff\xfe\x00",
    b"null",
    b'"force"',
    b'{"force": true, "force": false, "nuke": null}',
    b"x" * 65_537,
)


@fault(23, "noise, bad requests and slow clients at the socket", short=1, long=20)
def hostile_clients(trial: Trial) -> None:
    trial.daemon()
    attacks = list(ATTACKS)
    trial.dice.shuffle(attacks)
    with slow_clients(trial):
        for attack in attacks:
            attack(trial)
        if trial.is_long:
            time.sleep(trial.dice.uniform(0, 1.5 * SECONDS))  # some are idle for too long by then
    assert trial.daemon_process is not None
    failed = [line for line in trial.daemon_process.log.lines if "control_request_failed" in line]
    assert not failed, failed[:3]
    trial.saw("each refused, the others answered")


@fault(23, "1,000 half-open connections to the socket", short=1, long=20)
def half_open(trial: Trial) -> None:
    """The witness looks away while they come: ten seconds are allowed, and asserted here."""
    trial.daemon()
    assert trial.witness is not None
    with trial.witness.looking_away(), ExitStack() as held:
        for _ in range(HALF_OPEN):
            held.enter_context(_sent(trial, b"GET /v1/status"[: trial.dice.randrange(15)]))
        _answers_again(trial, "with the connections open")
        if trial.dice.random() < 0.5:
            held.close()
            _answers_again(trial, "after they have gone")
    trial.saw("answered with all of them open")


def _answers_again(trial: Trial, when: str) -> None:
    began = time.monotonic()
    trial.wait_for(trial.home.answers, f"an answer {when}")
    took = time.monotonic() - began
    assert took < SECONDS, f"the first answer {when} took {took:.1f} s"


# -- one attack each -------------------------------------------------------------------------


def random_bytes(trial: Trial) -> None:
    """Noise, with the end of a header after it."""
    for _ in range(20):
        noise = trial.dice.randbytes(trial.dice.randrange(1, 3_000))
        _refused(_exchange(trial, b"\xfe" + noise + b"\r\n\r\n"), noise[:60])


def endless_lines(trial: Trial) -> None:
    """A line, a header and a chunk that have no end."""
    for start in (b"", b"GET /", b"GET /v1/status" + END + b"X: "):
        _refused(_exchange(trial, start + b"a" * 2_000_000), start)
    for each in (b"x: y\r\n", b"\tfolded\r\n"):
        _refused(_exchange(trial, b"GET /v1/status" + END + each * 50_000), each)


def bad_requests(trial: Trial) -> None:
    """Verbs, paths and numbers that there are not."""
    for line in BAD_LINES:
        _refused(_exchange(trial, line + END + b"\r\n"), line[:60])


def bad_bodies(trial: Trial) -> None:
    """Deep, broken and huge ones."""
    for body in BAD_BODIES:
        head = b"POST /v1/runs" + END + b"Content-Length: %d\r\n\r\n" % len(body)
        _refused(_exchange(trial, head + body), body[:60])
    for length in (b"1000000000", b"-1", b"1, 2", b"0x10", b"9" * 5_000):
        head = b"POST /v1/runs" + END + b"Content-Length: " + length + b"\r\n\r\n"
        _refused(_exchange(trial, head + b" " * 1_000_000), length[:60])
    chunks = b"POST /v1/runs" + END + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    _refused(_exchange(trial, chunks + chunk * 40 + b"0\r\n\r\n"), b"chunks")
    _refused(_exchange(trial, chunks + b"zz\r\n"), b"a chunk of no size")


def gone_in_an_answer(trial: Trial) -> None:
    """Many requests at once, of whose answers only the first bytes are read."""
    for path in (b"/metrics", b"/v1/status", b"/v1/events?limit=200"):
        line = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        with _sent(trial, line * 20) as connection:
            connection.recv(trial.dice.randrange(1, 500))


def gone_in_a_wait(trial: Trial) -> None:
    """Followers that do not wait for what they asked for; more than may wait at once."""
    wait = trial.dice.randrange(1, 10) if trial.is_long else 1
    with ExitStack() as held:
        for _ in range(12):
            line = b"GET /v1/events?since=1000000&wait=%d" % wait
            held.enter_context(_sent(trial, line + END + b"\r\n"))


ATTACKS: tuple[Callable[[Trial], None], ...] = (
    random_bytes,
    endless_lines,
    bad_requests,
    bad_bodies,
    gone_in_an_answer,
    gone_in_a_wait,
)


@contextmanager
def slow_clients(trial: Trial) -> Iterator[None]:
    """Each sends one byte a second, until the end of the block."""
    over = threading.Event()
    requests = (b"GET /v1/status" + END + b"\r\n", b"POST /v1/runs" + END, b"\xff" * 100)

    def drip(request: bytes) -> None:
        with _sent(trial, b"") as connection, suppress(OSError):
            for number in range(len(request)):
                connection.sendall(request[number : number + 1])
                if over.wait(1.0):
                    return

    threads = [threading.Thread(target=drip, args=(each,)) for each in requests * 4]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(SECONDS)


# -- the other end ---------------------------------------------------------------------------


@contextmanager
def _sent(trial: Trial, request: bytes) -> Iterator[socket.socket]:
    """A connection on which this was sent, as far as it was taken."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(str(trial.control.path))
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        yield connection


def _exchange(trial: Trial, request: bytes) -> bytes:
    """What is answered before the daemon closes the connection."""
    answer = b""
    with _sent(trial, request) as connection, suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer


def _refused(answer: bytes, request: bytes) -> None:
    """Refused as the client's mistake; or cut off, while it still sent."""
    status = answer[9:12]
    is_mistake = status.startswith(b"4") or status in (b"501", b"505")
    assert not answer or is_mistake, f"{request!r} was answered {answer[:300]!r}"
