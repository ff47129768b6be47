"""Structured logs: one JSON object a line, or coloured lines on a terminal; no secret in either.

Records of the standard library (pykka, urllib3, SQLAlchemy, waitress) take the same way.
"""

from __future__ import annotations

import contextlib
import json
import logging
import logging.handlers
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Literal, cast

import structlog
from structlog.typing import EventDict, Processor

from config.secrets import REDACTOR

LogFormat = Literal["json", "console", "auto"]

LONGEST = 10_000
"""Characters of one text of a line."""
NOISY = ("alembic", "pykka", "pyrate_limiter", "urllib3")
FIRST_KEYS = ("at", "level", "event", "run_id", "phase", "product_id", "duration_seconds")


def configure_logs(*, level: str, log_format: LogFormat, file: Path | None = None) -> None:
    """Set the logging of this process up; call it again to change it. Raises OSError."""
    handler = _handler(file)
    to_terminal = file is None and sys.stderr.isatty()
    console = log_format == "console" or (log_format == "auto" and to_terminal)
    handler.setFormatter(_formatter(console=console, colours=to_terminal))
    root = logging.getLogger()
    replaced = root.handlers[:]
    root.addHandler(handler)  # first: without one, warnings would go to stderr as they are
    for old in replaced:
        root.removeHandler(old)
        old.close()
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel("WARNING" if level == "INFO" else level)
    # A line for each waiting request, and for each connection too many, which anybody can make.
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).setLevel("ERROR")
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # it would print a broken record's arguments as they are
    structlog.configure(
        processors=[*_common(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(sys.stderr)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _PrivateFileHandler(file, encoding="utf-8")


class _PrivateFileHandler(logging.handlers.WatchedFileHandler):
    """Looks at the path before each line, so that logrotate may move the file away."""

    def emit(self, record: logging.LogRecord) -> None:
        """As ever; a file that cannot be opened again is no failure of who logs."""
        try:
            super().emit(record)
        except Exception:  # Python 3.14 and newer call handleError themselves
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """What the file does not take, stderr has."""
        with contextlib.suppress(Exception):
            print(self.format(record), file=sys.stderr, flush=True)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        stream = open(  # noqa: SIM115 -- the handler closes it
            descriptor, self.mode, encoding=self.encoding, errors=self.errors
        )
        return cast(TextIOWrapper, stream)


def _common() -> list[Processor]:
    return [
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        *_shared(),
    ]


def _shared() -> list[Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _without_control_characters,
    ]


def _without_control_characters(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Nothing that the remote or a user wrote may move the cursor, begin a line, or fill a disk."""
    return {
        key: _escaped(_cut(value), keep="\n" if key in ("exception", "stack") else "")
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _cut(text: str) -> str:
    """Without its middle, if it is too long: a traceback says at its end what happened."""
    if len(text) <= LONGEST:
        return text
    half, text = LONGEST // 2, REDACTOR(text)  # half a secret would not be recognised later
    return f"{text[:half]}... {len(text) - 2 * half} characters ...{text[-half:]}"


def _escaped(text: str, *, keep: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text
    )


def _formatter(*, console: bool, colours: bool) -> logging.Formatter:
    renderer: list[Processor]
    if console:
        renderer = [
            structlog.dev.ConsoleRenderer(
                colors=colours,
                timestamp_key="at",
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    else:
        renderer = [_in_order, structlog.processors.JSONRenderer(_as_json, default=str)]
    return _RedactingFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )


def _as_json(event: EventDict, **options: Any) -> str:
    """JSON in the strict sense: NaN and infinities, at whatever depth, become texts."""
    try:
        return json.dumps(event, allow_nan=False, **options)
    except ValueError:
        lenient = json.loads(json.dumps(event, **options), parse_constant=str)
        return json.dumps(lenient, allow_nan=False)


def _in_order(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """What a reader looks for first stands first."""
    first = {key: event[key] for key in FIRST_KEYS if key in event}
    return {**first, **event}


class _RedactingFormatter(structlog.stdlib.ProcessorFormatter):
    """The last step of the only handler: masks secrets in the finished line."""

    def format(self, record: logging.LogRecord) -> str:
        try:
            return REDACTOR(super().format(record))
        except Exception as error:
            # The standard library would print the message and its arguments as they are.
            broken = {"level": "error", "event": "line_not_formatted", "logger": record.name}
            return json.dumps({**broken, "error": type(error).__name__})
