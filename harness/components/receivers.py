"""The notification receivers: Mattermost, PagerDuty and e-mail in one process."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

from fawkes.harness.model import Component, Ready

AUTHORITY_FILE: Final = "smtp-authority.pem"
"""In the part's directory once it is ready: whom to trust when sending mail to it."""
SMTP_USER: Final = "alertmanager"


def receivers(
    *,
    http_port: int,
    smtp_port: int,
    smtp_password: str,
    mattermost_token: str,
    mattermost_channels: Sequence[str],
    pagerduty_routing_key: str,
    email_recipients: Sequence[str],
    smtp_host: str = "127.0.0.1",
    pagerduty_events_per_minute: int | None = None,
) -> Component:
    """Part `receivers-0` with the ports `http` (webhooks and GET /received) and `smtp`.

    `mattermost_token` is letters and digits (a real one has 26), `pagerduty_routing_key` 32 characters: both peers
    refuse other forms. The mail server takes mail over TLS only, at `smtp_host`, from who knows `smtp_password` of
    `SMTP_USER`. What arrives is appended to received.jsonl in the part's directory.
    """
    config = {
        "http_port": http_port,
        "smtp_port": smtp_port,
        "smtp_host": smtp_host,
        "smtp_authority_file": AUTHORITY_FILE,
        "smtp_login": [SMTP_USER, smtp_password],
        "record_file": "received.jsonl",
        "mattermost_token": mattermost_token,
        "mattermost_channels": list(mattermost_channels),
        "pagerduty_routing_key": pagerduty_routing_key,
        "pagerduty_events_per_minute": pagerduty_events_per_minute,
        "email_recipients": list(email_recipients),
    }
    return Component(
        name="receivers-0",
        app="receivers",
        argv=(sys.executable, "-m", "fawkes.fixtures.services.receivers", "--config", "receivers.json"),
        ready=Ready(by="http"),
        ports={"http": http_port, "smtp": smtp_port},
        files={"receivers.json": json.dumps(config)},
    )
