"""Watches what the Prometheus with the ADR's rules records."""

from __future__ import annotations

import math
from functools import partial

from fawkes.harness.checks.adr import NAN, AdrDefectExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import samples_since_start
from fawkes.harness.observe.recording import record_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

APP = "prometheus-adr"
"""The Prometheus that evaluates the ADR's rules and nothing else (load/adr_rules.py)."""


def observe_adr_defect(expect: AdrDefectExpectation, world: World, record: Recorder) -> None:
    """Record the last sample of every series that the rule wrote as `recorded`, and their number as `value`, or null.

    Waits until it has recorded any series: one rule serves all teams, so that by then a missing one is missing.
    """
    (part,) = world.replicas(APP)
    query = selector(expect.record, {})
    until_s = world.now_s() + expect.within
    ask = partial(samples_since_start, world, part, query)
    answer = last_seen(world, f"{expect.record} on {part}", ask, bool, until_s=until_s)
    count = None if answer is None else len(answer)
    record_value(record, expect, count, stage=Stage.RULE, part=part, query=query)
    for one in answer or ():
        at_s, value = one.samples[-1]
        sample = [at_s, NAN if math.isnan(value) else value]
        record("recorded", expectation=expect.name, source=part, labels=dict(one.labels), sample=sample)
