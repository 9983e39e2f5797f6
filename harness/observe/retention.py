"""Reads forged history back: every sample each replica still has, and every sample Thanos answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fawkes.harness.checks.retention import RetentionExpectation
from fawkes.harness.model import Stage
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.world import Recorder, World

_LOOK_BACK: Final = "400d"
"""Longer than any history that can be forged (13 months)."""

_THANOS: Final = {"dedup": "true", "partial_response": "false", "max_source_resolution": "0s"}
"""One answer for all replicas, an error rather than a gap, and the samples as they were scraped."""

_QUERY_WITHIN_S: Final = 30.0
"""A few thousand samples take well below a second; Thanos opens a block's index on its first query."""

Vector = list[dict[str, Any]]
"""What the query API answers: `[{metric: {...}, values: [[unix_s, text], ...]}, ...]`."""


def observe_retention(expect: RetentionExpectation, world: World, record: Recorder) -> None:
    """Record a `value` (number of series; null when there was no answer) and the `series` of every part asked.

    Waits until the parts answer, and until Thanos has every series whole; `expect.within` is for all of it.
    """
    until_s = world.now_s() + expect.within
    query = f'fawkes_forged{{run_id="{world.run_id}",app="{expect.app}"}}[{_LOOK_BACK}]'
    known: set[str] = set()
    for part in world.replicas(expect.app):
        local: Vector | None = last_seen(world, f"history in {part}", _ask(world, part, query), bool, until_s=until_s)
        known |= {_name(series) for series in local or ()}
        _record(record, expect, local, stage=Stage.PROMETHEUS, part=part, query=query)
    if expect.thanos:
        part = world.replicas("thanos-query")[0]
        ask = _ask(world, part, query, **_THANOS)
        whole = last_seen(world, "all of it in Thanos", ask, lambda answer: _is_whole(answer, known), until_s=until_s)
        _record(record, expect, whole, stage=Stage.THANOS, part=part, query=query)


def _ask(world: World, part: str, query: str, **params: str) -> Callable[[], Vector]:
    url = f"{world.url(part)}/api/v1/query"

    def ask() -> Vector:
        # By POST, raw samples of a range selector: no step, no interpolation, no staleness.
        response = world.http.post(url, data={"query": query, **params}, timeout=_QUERY_WITHIN_S)
        response.raise_for_status()
        answer: Vector = response.json()["data"]["result"]
        return answer

    return ask


def _is_whole(answer: Vector, known: set[str]) -> bool:
    """Every series that a replica has is there, and each has as many samples as its label `samples` says."""
    return (
        bool(answer)
        and {_name(series) for series in answer} >= known
        and all(len(series["values"]) >= int(series["metric"]["samples"]) for series in answer)
    )


def _name(series: dict[str, Any]) -> str:
    """The forged series' own number; the other labels are the same for all of them."""
    return str(series["metric"].get("series"))


def _record(
    record: Recorder,
    expect: RetentionExpectation,
    answer: Vector | None,
    *,
    stage: Stage,
    part: str,
    query: str,
) -> None:
    where = {"expectation": expect.name, "stage": stage.value, "source": part, "query": query}
    record("value", **where, value=None if answer is None else len(answer))
    for series in answer or ():
        samples = [[at_s, float(value)] for at_s, value in series["values"]]
        record("series", **where, labels=series["metric"], samples=samples)
