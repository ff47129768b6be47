"""Log lines: one JSON object each whatever is in them, and no form of the token in any.

Logging is one for the whole process, so each test runs a small script in a process of its own.
"""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from config.secrets import MASK

TOKEN = "Ab1/+x?=&%~Zz9-token"
AWKWARD = {
    "newlines": "a\nb\r\nc",
    "ANSI sequences": "\x1b[2J\x1b[31mred\x07",
    "separators of Unicode": "a\u2028b\u2029c\x85d",
    "a lone surrogate": "a\ud800b",
    "a direction override": "a\u202eb",
    "a NUL": "a\x00b",
}

PREAMBLE = """
import base64, json, logging, os, sys, urllib.parse, warnings
from pathlib import Path
import structlog
from config.logs import configure_logs
from config.secrets import REDACTOR

given = json.loads(sys.argv[1])
token = given["token"]
REDACTOR.add(token)
configure_logs(
    level=given["level"],
    log_format=given["format"],
    file=Path(given["file"]) if given["file"] else None,
)
log = structlog.get_logger("test")
"""


def logged(
    script: str,
    *,
    log_format: str = "json",
    level: str = "INFO",
    file: Path | None = None,
    token: str = TOKEN,
    **more: Any,
) -> str:
    """What a process that runs this script writes to stderr; it must end well."""
    given = {
        "format": log_format,
        "level": level,
        "file": None if file is None else str(file),
        "token": token,
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script, json.dumps(given)],
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stderr.decode("utf-8", "strict")


def objects(text: str) -> list[dict[str, Any]]:
    """The lines of a JSON log; fails on anything that is not one object a line."""
    lines = text.splitlines()  # at U+2028 and the like too
    assert text == "".join(f"{line}\n" for line in lines), f"torn lines: {text!r}"
    odd = sorted({c for c in text if not c.isprintable() and c != "\n"})
    assert not odd, f"control characters {odd} in {text!r}"
    try:
        found = [json.loads(line, parse_constant=no_json) for line in lines]
    except ValueError:
        pytest.fail(f"not JSON: {text}")
    assert all(isinstance(line, dict) for line in found)
    return found


def no_json(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


@pytest.mark.parametrize("what", AWKWARD)
def test_one_json_object_a_line_whatever_a_value_holds(what: str) -> None:
    script = """
value = given["value"]
log.info(value, value=value, nested={"list": [value], "bytes": (value.encode("utf-8", "replace"),)})
odd = {"number": float("inf"), "rest": [{"n": float("nan")}]}
log.info("odd types", value=Path("/x"), error=ValueError(value), **odd)
logging.getLogger("foreign").warning("%s in %r", value, value)
warnings.warn(value)
"""
    lines = objects(logged(script, value=AWKWARD[what]))
    assert [line["level"] for line in lines] == ["info", "info", "warning", "warning"]


@pytest.mark.parametrize("what", AWKWARD)
def test_one_json_object_a_line_whatever_an_exception_says(what: str) -> None:
    script = """
try:
    raise ValueError(given["value"])
except ValueError:
    log.exception("it failed")
    logging.getLogger("foreign").exception("it failed there")
"""
    first, second = objects(logged(script, value=AWKWARD[what]))
    for line, event in ((first, "it failed"), (second, "it failed there")):
        assert line["event"] == event
        assert "Traceback (most recent call last)" in line["exception"]
        assert "ValueError" in line["exception"]


def test_connections_too_many_make_no_lines() -> None:
    """Everybody on this machine can open connections to the port of the metrics."""
    script = """
logging.getLogger("waitress").warning("total open connections reached the connection limit")
logging.getLogger("waitress").error("it failed")
"""
    assert [line["event"] for line in objects(logged(script))] == ["it failed"]


def test_what_a_reader_looks_for_first_stands_first() -> None:
    script = """
log.info("synced", zebra=1, duration_seconds=0.5, product_id=18, phase="features", run_id=7)
structlog.contextvars.bind_contextvars(run_id=8, aardvark=2)
log.info("bound")
logging.getLogger("foreign").error("from %s", "afar")
"""
    synced, bound, foreign = objects(logged(script))
    first = ["at", "level", "event", "run_id", "phase", "product_id", "duration_seconds"]
    assert list(synced)[:7] == first
    assert set(list(synced)[7:]) == {"logger", "zebra"}
    assert list(bound)[:4] == first[:4]
    assert (bound["run_id"], bound["aardvark"]) == (8, 2)
    assert list(foreign)[:3] == first[:3]
    assert (foreign["event"], foreign["logger"]) == ("from afar", "foreign")
    assert all(line["at"].endswith("Z") for line in (synced, bound, foreign)), "not UTC"


LEAKS = """
raw = token.encode()
forms = {
    "raw": token,
    "url": urllib.parse.quote(token, safe=""),
    "plus": urllib.parse.quote_plus(token),
    **{f"base64 {n}": base64.b64encode(b"u" * n + raw + b":").decode() for n in range(3)},
    **{f"urlsafe {n}": base64.urlsafe_b64encode(b"u" * n + raw).decode() for n in range(3)},
}
for name, form in forms.items():
    log.info("value", name=name, form=form, nested={"deep": [form, form.encode()]})
    log.info(f"in the event: {form}", **{form: 1})
    for foreign in ("urllib3", "urllib3.connectionpool", "foreign"):
        logging.getLogger(foreign).warning("sent %s and %r", form, {"Authorization": form})
    try:
        secret_in_a_local_variable = form
        raise ValueError(f"refused: {form}")
    except ValueError as error:
        log.exception("failed", error=error)
        logging.getLogger("urllib3").exception("failed there")
        log.info("with a stack", stack_info=True)
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_form_of_the_token_is_in_any_line(log_format: str) -> None:
    text = logged(LEAKS, log_format=log_format)
    raw = TOKEN.encode()
    forms = [TOKEN, quote(TOKEN, safe="")]
    for before in range(3):
        # Without the digits at both edges, which depend on the neighbours as well.
        forms.append(base64.b64encode(b"u" * before + raw).decode()[4:-4])
        forms.append(base64.urlsafe_b64encode(b"u" * before + raw).decode()[4:-4])
    left = [line for line in text.splitlines() if any(form in line for form in forms)]
    assert not left, "\n".join(left[:5])
    assert text.count(MASK) >= 9 * 12, f"{text.count(MASK)} masks: was it logged at all?"
    assert "ValueError: refused: " in text


@pytest.mark.parametrize("token", ['quo"te-token', "back\\slash-token", "apo'strophe-\"token"])
def test_a_token_that_json_or_repr_writes_with_backslashes_is_masked_too(token: str) -> None:
    script = """
log.info("raw", value=token)
logging.getLogger("urllib3").warning("header %r", {"Authorization": token})
log.info("nested", value={"Authorization": [token]})
"""
    for line in objects(logged(script, token=token)):
        value = str(line.get("value", line["event"]))
        assert MASK in value, f"the token {token} can be read from {line}"


def test_a_long_text_is_cut_and_no_half_of_a_token_left() -> None:
    script = """
log.info("long", value="x" * 1_000_000, end="y" * 4_990 + token + "y" * 20_000)
try:
    raise ValueError("x" * 1_000_000)
except ValueError:
    log.exception("failed")
"""
    text = logged(script)
    lines = objects(text)
    assert len(text) < 60_000
    assert "990000 characters" in lines[0]["value"]
    assert lines[1]["exception"].startswith("Traceback")
    assert MASK in lines[0]["end"]
    assert not any(TOKEN[:length] in text for length in range(6, len(TOKEN)))


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_that_cannot_be_formatted_does_not_show_the_token(log_format: str) -> None:
    """The standard library prints message and arguments to stderr when a handler fails."""
    script = """
logging.getLogger("urllib3").warning("%d bytes sent with %s", "x", token)
log.info("odd", value={(1, 2): token})
"""
    text = logged(script, log_format=log_format)
    assert TOKEN not in text, text


def test_the_level_holds_for_our_loggers_and_for_foreign_ones() -> None:
    script = """
for logger in (logging.getLogger("ours"), logging.getLogger("urllib3"), structlog.get_logger("s")):
    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("said")
"""
    levels = ["debug", "info", "warning", "error"]
    for number, level in enumerate(levels):
        lines = objects(logged(script, level=level.upper()))
        of = {name: [x["level"] for x in lines if x["logger"] == name] for name in ("ours", "s")}
        assert of == {"ours": levels[number:], "s": levels[number:]}, f"at {level}"
        noisy = [line["level"] for line in lines if line["logger"] == "urllib3"]
        expected = levels if level == "debug" else levels[max(2, number) :]
        assert noisy == expected, f"urllib3 at {level}"


@pytest.mark.parametrize("log_format", ["console", "auto"])
def test_off_a_terminal_there_are_no_colours(log_format: str) -> None:
    script = """
log.warning("hello", value=given["value"], count=3)
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""
    text = logged(script, log_format=log_format, value="\x1b[31mred")
    assert "\x1b" not in text, text
    assert "hello" in text
    assert "ZeroDivisionError" in text
    assert text.startswith("{") is (log_format == "auto"), "auto off a terminal means JSON"


@pytest.mark.parametrize("where", ["a value", "a bare exception", "a traceback"])
def test_on_the_console_nobody_else_moves_the_cursor(where: str) -> None:
    """A message of the remote ends up in exceptions, and those on an operator's terminal."""
    scripts = {
        "a value": 'log.info(given["value"], value=given["value"], all=[given["value"]])',
        "a bare exception": 'log.info("failed", error=ValueError(given["value"]))',
        "a traceback": """
try:
    raise ValueError(given["value"])
except ValueError:
    log.exception("failed")
""",
    }
    text = logged(scripts[where], log_format="console", value="\x1b[2J\u2028\u202ex\rforged")
    odd = sorted({c for c in text if not c.isprintable() and c != "\n"})
    assert not odd, f"{odd} in {text!r}"


def test_a_log_file_is_private_and_survives_being_moved_away(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "sync.log"
    script = """
os.umask(0o022)
log.info("before")
os.rename(given["file"], given["file"] + ".1")
log.info("after", token=token)
"""
    assert logged(script, file=file) == "", "lines went to stderr too"
    moved = file.with_name("sync.log.1")
    assert [line["event"] for line in objects(moved.read_text())] == ["before"]
    (after,) = objects(file.read_text())
    assert (after["event"], after["token"]) == ("after", MASK)
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (moved, file)}
    assert modes == {"sync.log.1": "0o600", "sync.log": "0o600"}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_line_is_lost_in_a_file_for_a_lone_surrogate(tmp_path: Path, log_format: str) -> None:
    script = """
try:
    raise ValueError("a" + chr(0xD800))
except ValueError:
    log.exception("failed")
"""
    stderr = logged(script, file=tmp_path / "sync.log", log_format=log_format)
    assert "failed" in (tmp_path / "sync.log").read_text(), f"lost; stderr: {stderr}"


def test_what_a_file_does_not_take_goes_to_stderr() -> None:
    script = 'import structlog\nstructlog.get_logger("a").info("first")'
    assert [line["event"] for line in objects(logged(script, file=Path("/dev/full")))] == ["first"]


def test_logging_can_be_set_up_again(tmp_path: Path) -> None:
    script = """
log.info("one")
configure_logs(level="WARNING", log_format="json")
log.info("two")
log.warning("three")
"""
    lines = objects(logged(script, file=tmp_path / "sync.log"))
    assert [line["event"] for line in lines] == ["three"], "each line once, to the new place"
    assert [x["event"] for x in objects((tmp_path / "sync.log").read_text())] == ["one"]


def test_while_logging_is_set_up_again_no_line_goes_elsewhere(tmp_path: Path) -> None:
    """Without a handler the standard library writes warnings to stderr, secrets and all."""
    script = """
import threading
done = threading.Event()
def warn():
    while not done.is_set():
        log.warning("busy", token=token)
threads = [threading.Thread(target=warn) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(100):
    configure_logs(level="INFO", log_format="json", file=Path(given["file"]))
done.set()
for thread in threads:
    thread.join()
"""
    assert logged(script, file=tmp_path / "log") == ""
