"""Broken platforms: alerts on DORA values and on the service itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fawkes.harness.model import Stage
from fawkes.harness.mutants.mutant import Mutant, change_rule
from fawkes.harness.operator.objects import Objects


def _expr(alert: str, expr: str) -> Callable[[Objects], Objects]:
    return lambda objects: change_rule(objects, "dora-alerts", "alert", alert, expr=expr)


MUTANTS: Final = (
    Mutant(
        "dora_alert_wrong_limit",
        "a change failure ratio is told from 20 % on instead of 15 %",
        "dora_alerts",
        Stage.RULE,
        change=_expr(
            "DoraChangeFailureRatioHigh",
            'fawkes:dora:change_failure_ratio{environment="production",window="30d"} > 0.20 and on (team, environment, '
            'window) fawkes:dora:sample_count{metric="change_failure_ratio"} >= 10',
        ),
    ),
    Mutant(
        "dora_alert_without_minimum",
        "a long lead time is told however few samples it rests on",
        "dora_alerts",
        Stage.RULE,
        change=_expr(
            "DoraLeadTimeHigh",
            'fawkes:dora:lead_time_seconds{environment="production",window="30d",stat="p50"} >= 2592000',
        ),
    ),
    Mutant(
        "dora_stale_in_milliseconds",
        "the age of the newest event is compared with milliseconds",
        "dora_alerts",
        Stage.RULE,
        change=_expr("DoraEventsStale", "time() - max(fawkes_dora_last_event_timestamp_seconds) > 345600000"),
    ),
    Mutant(
        "dora_absent_by_up",
        "absent metrics are looked for in up, which a dead target still has",
        "dora_alerts",
        Stage.RULE,
        change=_expr("DoraMetricsAbsent", 'absent(up{job="dora"})'),
    ),
)
