"""Reads what the counter rules recorded last, and how closely the DORA service was scraped until then."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Final

from fawkes.harness.checks.counter_rules import RULES, CounterRulesExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import Series, samples_since_start
from fawkes.harness.observe.recording import record_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

RANGE_S: Final = 7 * 86_400.0
"""Of the rules, unscaled."""
_SETTLED_AFTER_S: Final = 240.0
"""Unscaled. Eight scrapes of 30 s: by then samples show every event and rules have read them, and the counters have
been scraped for long enough that a late scrape on a busy host does not make the interval too wide."""


def observe_counter_rules(expect: CounterRulesExpectation, world: World, record: Recorder) -> None:
    """Record per replica a `value` for each rule (null: it records nothing), with the time of its evaluation, and one
    `scraping`: the longest time between two successful scrapes of the service, and the longest one took, in seconds.
    """
    settled_s = world.now_s() + _SETTLED_AFTER_S / world.clock_factor
    until_s = world.now_s() + expect.within
    for part in world.replicas("prometheus-core"):
        for name in RULES:
            query = selector(name, {"team": expect.team, "environment": expect.environment})
            ask = partial(_last_sample, world, part, query)
            seen = last_seen(world, f"{name} on {part}", ask, lambda at: at[0] >= settled_s, until_s=until_s)
            evaluated_s, value = seen if seen and seen[0] >= settled_s else (None, None)
            about = {"rule": name, "evaluated_s": evaluated_s, "range_s": RANGE_S / world.clock_factor}
            record_value(record, expect, value, stage=Stage.RULE, part=part, query=query, **about)
        _record_scraping(expect, world, part, record)


def _last_sample(world: World, part: str, query: str) -> tuple[float, float | None]:
    """Unix seconds and value; now and None when nothing was ever recorded. Raises one of NO_ANSWER."""
    last = [one.samples[-1] for one in samples_since_start(world, part, query)]
    at_s, value = max(last, default=(world.now_s(), math.nan))
    return at_s, None if math.isnan(value) else value


def _record_scraping(expect: CounterRulesExpectation, world: World, part: str, record: Recorder) -> None:
    ups, took = (_of_the_service(world, part, metric) for metric in ("up", "scrape_duration_seconds"))
    succeeded_s = [[at_s for at_s, up in one.samples if up] for one in ups]
    gaps_s = [later_s - earlier_s for one in succeeded_s for earlier_s, later_s in pairwise(one)]
    durations_s = [value for one in took for _, value in one.samples]
    if gaps_s and durations_s:
        most = {"gap_max_s": max(gaps_s), "took_max_s": max(durations_s)}
        record("scraping", expectation=expect.name, source=part, **most)


def _of_the_service(world: World, part: str, metric: str) -> list[Series]:
    return samples_since_start(world, part, selector(metric, {"job": "dora"}))
