"""Posts a notification to the user's webhook."""

from __future__ import annotations

import json

from rules.diagnosis.notice import Notice
from service.monitoring.messenger import NotDelivered
from testio.webhook import Webhook, WebhookFailed


class WebhookHook:
    """One address, which is never named: whoever knows it can post to it."""

    name = "webhook"

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._webhook = Webhook(url, timeout_seconds=timeout_seconds)

    def send(self, notice: Notice) -> None:
        """Post it. Raises NotDelivered."""
        try:
            self._webhook.post(json.dumps(notice.as_json()).encode())
        except WebhookFailed as error:
            raise NotDelivered(f"the webhook: {error}") from error

    def close(self) -> None:
        """Cut what is under way. Never raises."""
        self._webhook.close()
