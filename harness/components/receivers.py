"""The notification receivers: Mattermost, PagerDuty and e-mail in one process."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from fawkes.harness.model import Component, Ready


def receivers(
    *,
    http_port: int,
    smtp_port: int,
    mattermost_token: str,
    pagerduty_routing_key: str,
    email_recipients: Sequence[str],
) -> Component:
    """Part `receivers-0` with the ports `http` (webhooks and GET /received) and `smtp`.

    `mattermost_token` is letters and digits (a real one has 26), `pagerduty_routing_key` 32 characters: both peers
    refuse other forms. What arrives is appended to received.jsonl in the part's directory.
    """
    config = {
        "http_port": http_port,
        "smtp_port": smtp_port,
        "record_file": "received.jsonl",
        "mattermost_token": mattermost_token,
        "pagerduty_routing_key": pagerduty_routing_key,
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
