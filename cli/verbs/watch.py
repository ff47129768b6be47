"""Look on while the daemon works: a live screen on a terminal, a line for each change elsewhere.

Leaving it changes nothing. The daemon may stop and start meanwhile. Keys on the screen:

  s   sync now: starts a run; joins the one at work if that has not begun,
      else waits for its end
  p   pause periodic runs, or resume them
  c   cancel the run at work, after a question
  ?   help, and back
  q   leave; the daemon goes on
"""

from __future__ import annotations

import argparse
import os
import signal
import sys

from cli.common import add_settings_flags, settings_of
from cli.shared.following import ended_by_signals
from config.settings import Settings

EXAMPLES = """\
  testio-sync watch
  testio-sync watch | tee changes.log
"""

WITHOUT_SCREEN = ("", "dumb", "unknown")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync watch`."""
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Show until `q` (status 0), or a signal (130)."""
    settings = settings_of(arguments)
    with ended_by_signals():
        if sys.stdout.isatty() and os.environ.get("TERM", "") not in WITHOUT_SCREEN:
            return _on_screen(settings)
        from cli.live.watch_lines import print_changes

        return print_changes(settings)


def _on_screen(settings: Settings) -> int:
    """On the terminal's other screen; what was on it before is there again afterwards."""
    from rich.console import Console

    from cli.live.keys import SUSPEND, Keyboard
    from cli.live.watch_actions import Actions
    from cli.live.watch_session import Session
    from cli.live.watch_state import Watcher

    console = Console(highlight=False, markup=False)
    session = Session(console, Watcher(settings), Actions(settings))
    while True:
        with Keyboard() as keyboard, console.screen(hide_cursor=True):
            left_by = session.run(keyboard)
        if left_by != SUSPEND:
            return 0
        os.kill(os.getpid(), signal.SIGSTOP)
