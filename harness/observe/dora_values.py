"""Reads every DORA value that a stage shows, as one table per part. Judges nothing.

The API is asked for the teams and environments that the store knows of this run, once: an acknowledged event is in the
next answer. What lies behind it takes scrapes and evaluations, so each part is looked at until it shows what the API
said, or the expectation's time is up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fawkes.harness.checks.dora_values import (
    EVER,
    EVER_FROM,
    EVER_TO,
    LEVELS,
    QUANTILES,
    Cell,
    DoraValuesExpectation,
    cells_of,
    differing,
)
from fawkes.harness.model import Json, Stage
from fawkes.harness.observe import event_store, exposition, promql
from fawkes.harness.observe.dora_api import ask, dora_url
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.world import Recorder, World

Table = dict[str, dict[str, dict[str, dict[str, Json]]]]
"""team -> environment -> window -> quantity -> value"""
Sample = tuple[str, Mapping[str, str], float]
"""Metric name, labels, value."""

_GAUGES: Final = "fawkes_dora_"
_RECORDS: Final = "fawkes:dora:"
_PLACES: Final = """
    SELECT DISTINCT data->>'team', data->>'environment' FROM events
    WHERE strpos(source, %s) > 0 AND data->>'environment' IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class _Look:
    stage: Stage
    part: str
    query: str
    read: Callable[[], Table]


def observe_dora_values(expect: DoraValuesExpectation, world: World, record: Recorder) -> None:
    """Record one `table` per stage and part; null, with an `error`, for a part that gave no usable answer."""
    until_s = world.now_s() + expect.within
    said: Mapping[Cell, Json] | None = None
    for look in _looks(expect, world):
        table = _seen_last(look, said, world, until_s)
        error = {"error": "no answer in time"} if table is None else {}
        where = {"stage": look.stage.value, "source": look.part, "query": look.query}
        record("table", expectation=expect.name, **where, table=table, **error)
        said = cells_of(table) if said is None and table is not None else said


def _seen_last(look: _Look, said: Mapping[Cell, Json] | None, world: World, until_s: float) -> Table | None:
    """What the part showed in the end; the first part is asked once, as nothing is known that it could show."""

    def enough(table: Table) -> bool:
        return said is None or not differing(look.stage, said, cells_of(table))

    what = f"{look.part} shows every value that the first one showed"
    seen: Table | None = last_seen(world, what, look.read, enough, until_s=until_s)
    return seen


def _looks(expect: DoraValuesExpectation, world: World) -> Iterator[_Look]:
    """Every stage and part, in the order of the way."""
    if "rest" in expect.stages:
        for part in world.replicas("dora"):
            yield _Look(Stage.REST, part, dora_url(world, part), partial(_rest, expect, world, part))
    if "exporter" in expect.stages:
        for part in world.replicas("dora"):
            query = exposition.exposition_url(world, part)
            yield _Look(Stage.EXPORTER, part, query, partial(_exporter, expect, world, part))
    cores, thanos = world.replicas("prometheus-core"), world.replicas("thanos-query")
    gauges = f'{{__name__=~"{_GAUGES}.+",window!=""}}'
    records = f'{{__name__=~"{_RECORDS}.+",window!=""}} or {{__name__=~"{_RECORDS}.+:histogram_.+"}}'
    for stage, parts, query, prefix, params in (
        (Stage.PROMETHEUS, cores, gauges, _GAUGES, {}),
        (Stage.RULE, cores, records, _RECORDS, {}),
        (Stage.THANOS, thanos, records, _RECORDS, promql.DEDUPLICATED),
    ):
        for part in parts if stage.value in expect.stages else ():
            yield _Look(stage, part, query, partial(_asked, expect, world, part, query, prefix, params))


def _asked(
    expect: DoraValuesExpectation, world: World, part: str, query: str, prefix: str, params: Mapping[str, str]
) -> Table:
    vector = promql.instant(world, part, query, params)
    return _table(expect, prefix, [(one.labels["__name__"], one.labels, one.value) for one in vector])


def _exporter(expect: DoraValuesExpectation, world: World, part: str) -> Table:
    page = exposition.read_exposition(world, part)
    return _table(expect, _GAUGES, [(one.name, one.labels, one.value) for one in page.all_samples])


def _table(expect: DoraValuesExpectation, prefix: str, samples: Iterable[Sample]) -> Table:
    """Samples of a window, or of a histogram's quantile. Series of one cell that differ are all told."""
    table: Table = {}
    for metric, labels, value in samples:
        name = metric.removeprefix(prefix)
        if name == metric or math.isnan(value) or not _is_wanted(expect, labels):
            continue
        if (window := labels.get("window")) is not None:
            detail = labels.get("stat") or labels.get("metric")
            _put(table, labels, window, name if detail is None else f"{name}.{detail}", value)
        elif name in QUANTILES:
            _put(table, labels, EVER, QUANTILES[name], value)
    return table


def _is_wanted(expect: DoraValuesExpectation, labels: Mapping[str, str]) -> bool:
    team = not expect.teams or labels.get("team") in expect.teams
    return (
        team
        and labels.get("environment") in expect.environments
        and labels.get("window", EVER) in (*expect.windows, EVER)
    )


def _put(table: Table, labels: Mapping[str, str], window: str, quantity: str, value: float) -> None:
    cell = table.setdefault(labels["team"], {}).setdefault(labels["environment"], {}).setdefault(window, {})
    before = cell.get(quantity, value)
    cell[quantity] = value if before == value else [before, value]


def _rest(expect: DoraValuesExpectation, world: World, part: str) -> Table:
    """What the API says of every place. Raises one of httpx.HTTPError, psycopg.OperationalError."""
    table: Table = {}
    places = event_store.select(world, _PLACES, world.run_id)
    for team, environment in sorted(places):
        if environment not in expect.environments or (expect.teams and team not in expect.teams):
            continue
        asked: dict[str, dict[str, str]] = {window: {"window": window} for window in expect.windows}
        asked[EVER] = {"from": EVER_FROM, "to": EVER_TO}
        for window, over in asked.items():
            url, params = f"{dora_url(world, part)}/{team}", {**over, "environment": environment}
            said = ask(world, url, params, "metrics and bands", _quantities)
            shown = said if window != EVER else {q: said.get(q) for q in QUANTILES.values()}
            known = {quantity: value for quantity, value in shown.items() if value is not None}
            table.setdefault(team, {}).setdefault(environment, {})[window] = known
    return table


def _quantities(body: Mapping[str, Any]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for metric, fields in body["metrics"].items():
        found[f"sample_count.{metric}"] = fields["sample_count"]
        for field, value in fields.items():
            if field == "value":
                found[metric] = value
            elif field != "sample_count":
                found[f"{metric}.{field}"] = value
    bands = {m: band for m, band in body["classification"].items() if m != "edition"}
    return found | {f"performance_level.{metric}": LEVELS.get(band) for metric, band in bands.items()}
