"""What the harness itself plays on every provider: the platform's sample services, the beacon, the receivers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fawkes.harness.components.exporter import beacon, exporter
from fawkes.harness.components.receivers import receivers
from fawkes.harness.inventory import SAMPLE_SERVICES
from fawkes.harness.model import Component
from fawkes.harness.oracle.beacon import beacon_value
from fawkes.harness.plan import Plan

_TEAMS: Final = ("platform", "payments", "search")
"""Whose leads have a mailbox: the platform's own team and two that are its users."""


def sample_services(plan: Plan, joined: Sequence[Component]) -> list[Component]:
    """A service that shows one metric for each that no driver plays, and the beacon."""
    played = {part.name for part in joined}
    shown = [
        exporter(
            f"{app}-0",
            app=app,
            port=plan.port(f"{app}-0", "http"),
            metrics=[{"name": "fawkes_service_info", "type": "gauge", "labels": {"service": app}, "value": 1}],
        )
        for app in filter(plan.inventory.has, SAMPLE_SERVICES)
        if f"{app}-0" not in played
    ]
    if plan.inventory.has("beacon"):
        shown.append(beacon(port=plan.port("beacon-0", "http"), run_id=plan.run_id, value=beacon_value(plan.seed)))
    return shown


def notified(plan: Plan, *, smtp_host: str) -> Component:
    """Part `receivers-0`: everybody whom Alertmanager tells. Mail finds it at `smtp_host`."""
    return receivers(
        http_port=plan.port("receivers-0", "http"),
        smtp_port=plan.port("receivers-0", "smtp"),
        smtp_host=smtp_host,
        smtp_password=plan.secrets["smtp-password"],
        mattermost_token=plan.secrets["mattermost-token"],
        mattermost_channels=[f"{team}-alerts" for team in _TEAMS],
        pagerduty_routing_key=plan.secrets["pagerduty-routing-key"],
        email_recipients=[f"{team}-leads@fawkes.example" for team in _TEAMS],
    )
