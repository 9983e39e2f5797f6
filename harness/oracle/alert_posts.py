"""What a Prometheus posts to Alertmanager while an alert is firing, and after, worked out from its ALERTS samples.

Prometheus 3.13.5 (rules/alerting.go, `needsSending`, `sendAlerts`): an alert is sent at the evaluation at which it
fires, at the one at which it ends, and whenever the last time is more than the resend delay ago, also for 15 minutes
after it has ended unless it becomes pending again. Until it ends it is said to last four times the longer of resend
delay and evaluation interval.

Not modelled: a Prometheus that restarts, and posts that Alertmanager did not take.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

from fawkes.harness.oracle.alerts import State
from fawkes.harness.oracle.notifications import Post

RESOLVED_RETENTION_S: Final = 15 * 60.0
"""`resolvedRetention`, a constant; no clock compresses it."""
_VALID_FOR: Final = 4
_GAP: Final = 1.5
"""In evaluation intervals: a longer pause between two samples means that the alert was gone in between."""
_HALF_MS: Final = 0.0005
"""Stamps of samples are whole milliseconds."""


def posts_of_prometheus(
    labels: Mapping[str, str],
    evaluations: Sequence[tuple[float, State]],
    *,
    interval_s: float,
    resend_delay_s: float,
    until_s: float,
) -> Iterator[Post]:
    """The posts of one alert (its labels as they are sent) by one replica before `until_s`, in order of time.

    `evaluations` are the Unix seconds at which ALERTS had a sample, in order, and its alertstate. The alert has ended
    one `interval_s` after a sample that is followed by none, or by pending ones.
    """
    valid_s = _VALID_FOR * max(interval_s, resend_delay_s)
    for firing_s, next_s in _lives(evaluations, interval_s):
        began_s, ended_s = firing_s[0], firing_s[-1] + interval_s
        for at_s in _sent(firing_s, resend_delay_s):
            yield Post(at_s, labels, began_s, at_s + valid_s)
        forgotten_s = min(next_s, until_s, ended_s + RESOLVED_RETENTION_S)
        quiet_s = (ended_s + k * interval_s for k in range(math.ceil((forgotten_s - ended_s) / interval_s)))
        for at_s in _sent(quiet_s, resend_delay_s):
            yield Post(at_s, labels, began_s, ended_s)


def _lives(evaluations: Sequence[tuple[float, State]], interval_s: float) -> Iterator[tuple[list[float], float]]:
    """Each stretch of firing evaluations, with the time of the first sample after it."""
    firing_s: list[float] = []
    for (at_s, state), (next_s, next_state) in pairwise([*evaluations, (math.inf, "inactive")]):
        if state == "firing":
            firing_s.append(at_s)
        if firing_s and (next_state != "firing" or next_s - at_s > _GAP * interval_s):
            yield firing_s, next_s
            firing_s = []


def _sent(evaluated_s: Iterable[float], resend_delay_s: float) -> Iterator[float]:
    """Those evaluations at which the alert is sent. Compared in whole milliseconds, as they are stored."""
    last_s = -math.inf
    for at_s in evaluated_s:
        if at_s - last_s > resend_delay_s + _HALF_MS:
            last_s = at_s
            yield at_s
