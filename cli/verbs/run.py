"""Run the daemon in the foreground: a run now, then one every interval, until it is stopped."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli.common import add_log_flags, add_settings_flags, settings_of, start_logging
from cli.loading import lean_loading

if TYPE_CHECKING:
    from service.configuration import Configured

DRAWS_TRACEBACKS = ("rich", "pygments")
"""structlog and Mako load these for tracebacks in colour, which a log has no use for."""

EXAMPLES = """\
  testio-sync run
  testio-sync run --interval 300 --log-format json
  TESTIO_CUSTOMER_API_TOKEN_FILE=token testio-sync run --config /etc/testio-sync.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync run`."""
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        help="seconds from run to run; 0 turns periodic runs off (TESTIO_REFRESH_INTERVAL_SECONDS)",
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="where the API is (TESTIO_CUSTOMER_API_BASE_URL)"
    )
    add_settings_flags(parser)
    add_log_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run the daemon; ends with its exit status."""
    import faulthandler

    _be_ready_for_signals()
    with lean_loading(*DRAWS_TRACEBACKS):
        from service.daemon.main import run_daemon

    faulthandler.enable()  # a watchdog ends us with SIGABRT: its reader wants every thread's stack
    configured = _read(arguments)
    start_logging(configured.settings)
    return run_daemon(configured.settings, configured.token, lambda: _read(arguments))


def _be_ready_for_signals() -> None:
    """Until `service.daemon.signals` handles them. SIGHUP waits for it, where it would end us now.

    SIGINT ends us where we stand, nothing has begun: while libraries are loaded a KeyboardInterrupt
    may be lost in one of them, which says "Exception ignored" and goes on.
    """
    import signal

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _read(arguments: argparse.Namespace) -> Configured:
    """The settings and the token, from where they are now. Raises SettingsError."""
    from config.token import load_token
    from service.configuration import Configured

    settings = settings_of(
        arguments,
        TESTIO_REFRESH_INTERVAL_SECONDS=arguments.interval,
        TESTIO_CUSTOMER_API_BASE_URL=arguments.base_url,
    )
    return Configured(settings=settings, token=load_token(settings))
