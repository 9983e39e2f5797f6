"""Sample services with a fixed /metrics page: one process each, so that a fault can take one away."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from fawkes.harness.model import Component, Json, Ready


def exporter(name: str, *, app: str, port: int, metrics: str | Sequence[Mapping[str, Json]]) -> Component:
    """Part `name` serving `metrics` on port `http` at /metrics.

    `metrics` is exposition text, or samples `{"name", "value", "labels"?, "type"?}`.
    """
    return Component(
        name=name,
        app=app,
        argv=(
            sys.executable,
            *("-m", "fawkes.fixtures.services.exporter"),
            *("--port", str(port), "--config", "exporter.json"),
        ),
        ready=Ready(by="http"),
        ports={"http": port},
        files={"exporter.json": json.dumps({"metrics": metrics if isinstance(metrics, str) else list(metrics)})},
    )


def beacon(*, port: int, run_id: str, value: float) -> Component:
    """Part `beacon-0`: one gauge that only this run can have, to tell its samples from anything stale."""
    sample = {"name": "fawkes_beacon", "type": "gauge", "labels": {"run_id": run_id}, "value": value}
    return exporter("beacon-0", app="beacon", port=port, metrics=[sample])
