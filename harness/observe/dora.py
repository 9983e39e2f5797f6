"""Looks at a DORA metric at every stage of its way, and at how many events are stored and counted. Judges nothing.

Every stage is looked at until it shows the hand value or the expectation's time is up, which all stages share; what
it showed last is recorded either way, so that the check can tell where the chain broke.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from fawkes.harness.checks.dora import (
    NAMES,
    DoraExpectation,
    EventLedgerExpectation,
    event_source,
    gauge_labels,
    histogram_query,
    in_bucket_of,
)
from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe import event_store, exposition, promql
from fawkes.harness.observe.dora_api import ask, dora_url
from fawkes.harness.observe.last_seen import any_answer
from fawkes.harness.observe.recording import record_value
from fawkes.harness.promql.selector import selector
from fawkes.harness.world import Recorder, World

_ERROR_CHARS: Final = 120
"""The beginning of an error says what it is; the rest repeats the URL or is a whole page."""

_ROWS: Final = "SELECT count(*) FROM events WHERE strpos(source, %s) > 0"
"""Every source says the run's id, also that of a native sender: its repositories are called after the run."""
_EVENTS_TOTAL: Final = "fawkes_dora_events_total"

_NO_ANSWER: Final = (httpx.HTTPError, *exposition.NO_ANSWER, *promql.NO_ANSWER, *event_store.NO_ANSWER)
"""What a part's silence, refusal or nonsense raises. Anything else is our own mistake."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One thing to look at, and when to stop waiting for it."""

    stage: Stage
    part: str
    query: str
    read: Callable[[], Json]
    enough: Callable[[Json], bool]
    about: Mapping[str, Json] = field(default_factory=dict)
    """More for the record."""


def observe_dora(expect: DoraExpectation, world: World, record: Recorder) -> None:
    """Record one `value` per stage and part, for lead times the histogram quantiles too. A silent part is no error."""
    _follow(expect, _dora_looks(expect, world), world, record)


def observe_event_ledger(expect: EventLedgerExpectation, world: World, record: Recorder) -> None:
    """Record the number of this run's rows in the event store, and of events the exporter has counted."""
    looks = [_rows(world)]
    if Stage.EXPORTER.value in expect.stages:
        looks += [_events_total(world, part) for part in world.replicas("dora")]
    _follow(expect, looks, world, record)


def _follow(expect: Expectation, looks: Iterable[_Look], world: World, record: Recorder) -> None:
    until_s = world.now_s() + expect.within
    for look in looks:
        seen = _seen_last(look, world, max(0.0, until_s - world.now_s()))
        record_value(record, expect, stage=look.stage, part=look.part, query=look.query, **look.about, **seen)


def _seen_last(look: _Look, world: World, within_s: float) -> dict[str, Json]:
    """`{value}` as last seen, or `{value: null, error}` when the part gave no usable answer in the end."""
    seen: dict[str, Json] = {"value": None, "error": "never asked"}

    def probe() -> Json:
        nonlocal seen
        try:
            seen = {"value": look.read()}
        except _NO_ANSWER as error:
            seen = {"value": None, "error": f"{type(error).__name__}: {error}"[:_ERROR_CHARS]}
            raise
        return seen["value"]

    try:
        world.eventually(f"{look.part} shows the value of {look.query}", probe, look.enough, within_s=within_s)
    except DeadlineExceeded as late:
        if late.__cause__ is not None and not isinstance(late.__cause__, _NO_ANSWER):
            raise
    return seen


def _dora_looks(expect: DoraExpectation, world: World) -> Iterator[_Look]:
    names, stages = NAMES[expect.metric], expect.stages
    gauge = selector(names.gauge, gauge_labels(expect))
    rule = selector(names.rule, {"team": expect.team, "environment": expect.environment})
    histogram = histogram_query(expect)
    if "store" in stages:
        yield _rows(world)
    if "rest" in stages:
        yield from (_rest(expect, world, part) for part in world.replicas("dora"))
    if "exporter" in stages:
        yield from (_gauge(expect, world, part) for part in world.replicas("dora"))

    def equal(value: Json) -> bool:
        return bool(value == expect.equals)

    def near(value: Json) -> bool:
        return in_bucket_of(expect.equals, value)

    def recorded(stage: Stage, part: str, params: dict[str, str]) -> Iterator[_Look]:
        yield _Look(stage, part, rule, _instant(world, part, rule, params), equal)
        if histogram is not None:
            yield _Look(stage, part, histogram, _instant(world, part, histogram, params), near)

    replicas = world.replicas("prometheus-core")
    if "prometheus" in stages:
        for part in replicas:
            yield _Look(Stage.PROMETHEUS, part, gauge, _instant(world, part, gauge, {}), equal)
    if "rule" in stages:
        for part in replicas:
            yield from recorded(Stage.RULE, part, {})
    if "thanos" in stages:
        yield from recorded(Stage.THANOS, world.replicas("thanos-query")[0], promql.DEDUPLICATED)


def _rows(world: World) -> _Look:
    """One look is enough: an acknowledged event is committed."""

    def read() -> Json:
        return event_store.count_rows(world, _ROWS, world.run_id)

    about = {"event_source": event_source(world.run_id)}
    return _Look(Stage.STORE, "postgres", _ROWS, read, any_answer, about)


def _rest(expect: DoraExpectation, world: World, part: str) -> _Look:
    url = f"{dora_url(world, part)}/{expect.team}"
    params = {"window": expect.window, "environment": expect.environment}
    group, key = NAMES[expect.metric].rest

    def read() -> Json:
        return ask(world, url, params, f"metrics.{group}.{key}", lambda body: body["metrics"][group][key])

    query = str(httpx.URL(url, params=params))
    return _Look(Stage.REST, part, query, read, lambda value: bool(value == expect.equals))


def _gauge(expect: DoraExpectation, world: World, part: str) -> _Look:
    wanted, name = gauge_labels(expect), NAMES[expect.metric].gauge

    def read() -> Json:
        return _one([sample.value for sample in exposition.read_exposition(world, part).samples(name, wanted)])

    query = f"{exposition.exposition_url(world, part)} {selector(name, wanted)}"
    return _Look(Stage.EXPORTER, part, query, read, lambda value: bool(value == expect.equals))


def _events_total(world: World, part: str) -> _Look:
    """Counted when stored, so one look is enough."""

    def read() -> Json:
        counted = [sample.value for sample in exposition.read_exposition(world, part).samples(_EVENTS_TOTAL)]
        return sum(counted) if counted else None

    query = f"{exposition.exposition_url(world, part)} sum({_EVENTS_TOTAL})"
    return _Look(Stage.EXPORTER, part, query, read, any_answer)


def _instant(world: World, part: str, query: str, params: dict[str, str]) -> Callable[[], Json]:
    return lambda: _one([sample.value for sample in promql.instant(world, part, query, params)])


def _one(values: list[float]) -> Json:
    """The value all series agree on, null for none (NaN, which is how PromQL says "no data", too), or all of them."""
    different = {value for value in values if not math.isnan(value)}
    if len(different) <= 1:
        return next(iter(different), None)
    return values
