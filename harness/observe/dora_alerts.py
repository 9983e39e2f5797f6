"""Watches an alert on a team's DORA value until it fires, or long enough to know that it does not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from fawkes.harness.checks.dora_alerts import DoraAlertExpectation, alerts_query, samples_query
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import any_answer, last_seen
from fawkes.harness.observe.promql import Series, samples_since_start
from fawkes.harness.observe.recording import record_series, record_value
from fawkes.harness.world import Recorder, World

_SETTLED: Final = 3
"""Evaluations with the right number of samples. The alert's group may be evaluated just before the group that it reads;
by the third it has seen the value twice."""


def observe_dora_alert(expect: DoraAlertExpectation, world: World, record: Recorder) -> None:
    """Record, of every replica, the recorded number of samples and ALERTS as raw samples since the start.

    Waits until the number has been what it must be for three evaluations (since `since_s`), after which a wrong alert
    would be pending; then, where the alert must fire, until it does.
    """
    until_s = world.now_s() + expect.within
    for part in world.replicas(expect.app):
        guard, alerts = samples_query(expect), alerts_query(expect)
        count, ask_alerts = (partial(samples_since_start, world, part, query) for query in (guard, alerts))
        settled, firing = partial(_settled, expect.samples), _is_firing if expect.fires else any_answer
        counted = last_seen(world, f"{guard} on {part}", count, settled, until_s=until_s)
        latest = counted[0].samples[-_SETTLED:] if counted else [[until_s, None]]
        (since_s, _), (_, value) = latest[0], latest[-1]
        record_value(record, expect, value, stage=Stage.RULE, part=part, query=guard, since_s=since_s)
        seen = last_seen(world, f"{alerts} on {part}", ask_alerts, firing, until_s=until_s)
        record_series(record, expect, seen, stage=Stage.RULE, part=part, query=alerts)


def _settled(samples: int, answer: Sequence[Series]) -> bool:
    latest = [value for series in answer for _, value in series.samples[-_SETTLED:]]
    return latest == [samples] * _SETTLED


def _is_firing(answer: Sequence[Series]) -> bool:
    return any(series.labels.get("alertstate") == "firing" for series in answer)
