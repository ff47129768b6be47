"""Try the notifications: send a test to the command and the webhook that the settings name."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from cli.common import add_log_flags, add_settings_flags, print_json, settings_of, start_logging
from cli.failures import UsageError
from config.settings import Settings
from service.exit_status import ExitStatus

EXAMPLES = """\
  TESTIO_NOTIFY_COMMAND='notify-send testio-sync' testio-sync notify --test
  testio-sync notify --test --config /etc/testio-sync.toml
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    channel: str
    arrived: bool
    seconds: float
    error: str | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync notify`."""
    parser.add_argument(
        "--test", action="store_true", required=True, help="send a test, and say whether it arrived"
    )
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    add_settings_flags(parser)
    add_log_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send it from this process, with this command's settings; 1 if any did not arrive."""
    settings = settings_of(arguments)
    start_logging(settings, level="ERROR")
    tried = _try_all(settings)
    if arguments.json:
        print_json([asdict(each) for each in tried])
    else:
        for each in tried:
            _print(each)
    return ExitStatus.DONE if all(each.arrived for each in tried) else ExitStatus.FAILED


def _try_all(settings: Settings) -> list[_Tried]:
    from rules.diagnosis.notice import trial_notice
    from service.monitoring.messenger import Channel, NotDelivered
    from service.monitoring.monitoring import channels_of, sender_of

    channels = channels_of(settings)
    if not channels:
        raise UsageError(
            "nothing to test: set TESTIO_NOTIFY_COMMAND or TESTIO_NOTIFY_WEBHOOK_URL first"
        )
    notice = trial_notice(sender_of(settings), datetime.now(UTC))

    def tried(channel: Channel) -> _Tried:
        began, error = time.monotonic(), None
        try:
            channel.send(notice)
        except NotDelivered as failure:
            error = str(failure)
        finally:
            channel.close()
        seconds = round(time.monotonic() - began, 3)
        return _Tried(channel=channel.name, arrived=error is None, seconds=seconds, error=error)

    return [tried(channel) for channel in channels]


def _print(tried: _Tried) -> None:
    from cli.screens.screen import harmless

    word = "arrived" if tried.arrived else f"did not arrive: {harmless(tried.error)}"
    print(f"{tried.channel}: {word} ({tried.seconds:.1f} s)")
