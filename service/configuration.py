"""What the daemon goes by now: the settings, the token, and what an operator has chosen since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from config.settings import Settings
from rules.run.runtime_overrides import RuntimeOverrides

NEEDS_RESTART = (
    "base_url",
    "proxy_url",
    "db_path",
    "db_mode",
    "socket_path",
    "startup_sync",
    "metrics_address",
    "notify_command",
    "notify_webhook_url",
    "notify_repeat_seconds",
    "notify_timeout_seconds",
)
"""Settings that the daemon takes up when it starts, and not while it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the files and the environment say."""

    settings: Settings
    token: SecretStr


ReadAgain = Callable[[], Configured]
"""Reads the sources that the daemon was started with once more. Raises SettingsError."""


@dataclass(slots=True, kw_only=True)
class Configuration:
    """Read from any thread, changed by `RuntimeControl` only. Overrides come before settings."""

    settings: Settings
    token: SecretStr = field(repr=False)
    overrides: RuntimeOverrides = field(default_factory=RuntimeOverrides)

    def secret(self) -> str:
        """The token, for each request anew."""
        return self.token.get_secret_value()

    @property
    def interval_seconds(self) -> float:
        """Seconds from one periodic run to the next; 0 means none."""
        chosen = self.overrides.interval_seconds
        return self.settings.refresh_interval_seconds if chosen is None else chosen

    @property
    def concurrency(self) -> int:
        """Requests under way at once."""
        return self.overrides.concurrency or self.settings.max_concurrent_api_requests

    @property
    def requests_per_second(self) -> int:
        """Requests a second; 0 means no limit."""
        chosen = self.overrides.requests_per_second
        return self.settings.requests_per_second if chosen is None else chosen

    def is_paused(self, now: datetime) -> bool:
        """Whether no periodic runs are wanted now."""
        return self.overrides.is_paused(now)


def differing(old: Settings, new: Settings) -> list[str]:
    """The public names of the settings that differ."""
    return [
        str(info.validation_alias)
        for name, info in Settings.model_fields.items()
        if getattr(old, name) != getattr(new, name)
    ]


def take_over(old: Settings, new: Settings) -> tuple[Settings, list[str]]:
    """What of `new` can be taken up by a running daemon, and the names of what cannot."""
    kept = {name: getattr(old, name) for name in NEEDS_RESTART}
    taken = new.model_copy(update=kept)
    return taken, differing(taken, new)
