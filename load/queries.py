"""PromQL queries with known answers, as dashboards ask them: single series, sums by shard, counts, ranges, top lists.

An answer is compared with the truth in load/series.py, number by number; integers below 2**53, so the comparison is
exact. A query on churning series also asks for `fawkes_load_generation` at the same instant: one scrape is stored as
a whole, so whichever generation the answer names, its numbers must be that generation's, and it must be fresh.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from fawkes.harness.model import Json
from fawkes.load.series import SHARDS, SeriesPlan

Kind = Literal["stable_instant", "stable_range", "stable_topk", "shard_sum", "stable_sum_by_shard", "count_all"]
KINDS: tuple[Kind, ...] = get_args(Kind)

DEFAULT_WEIGHTS: Mapping[Kind, float] = {
    "stable_instant": 40,
    "stable_range": 25,
    "stable_topk": 15,
    "shard_sum": 15,
    "stable_sum_by_shard": 1,
}
"""Most panels read few series. At 100,000 series, CPU seconds of Prometheus, sidecar and Thanos Query together for one
query, measured: stable_instant 0.005, shard_sum 0.04, stable_sum_by_shard 0.2, and count_all 1.7, which is why that
one is asked only where a scenario says so."""

RANGE_S = 60.0
RANGE_STEP_S = 5.0
"""One minute in 5 s steps: 13 points, the smallest range a panel on "last minute" draws."""

TOP = 5


class Window(BaseModel):
    """Which instants may be asked for: from the first whole scrape on, and never closer to now than `settle_s`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: float = Field(description="Unix time of the first scrape that is stored.")
    scrape_interval_s: PositiveFloat

    @property
    def settle_s(self) -> float:
        """A scrape may last one interval (Prometheus refuses a longer time-out); one more to be stored and seen."""
        return 2 * self.scrape_interval_s


@dataclass(frozen=True, slots=True)
class Query:
    """One HTTP query and how to tell a right answer."""

    kind: Kind
    path: str
    """Path and query string below the server's base URL."""
    promql: str
    at_s: float
    check: Callable[[Any], str | None]

    def verify(self, answer: Json) -> str | None:
        """None if the API's JSON is the right answer, else what is wrong with it, in one sentence."""
        try:
            if answer["status"] != "success":
                return f"status is {answer['status']!r}: {str(answer.get('error', ''))[:200]}"
            return self.check(answer["data"]["result"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as err:
            return f"not an answer of the Prometheus API: {type(err).__name__}: {err}"


class QueryMix:
    """Draws queries, the same ones for the same seed."""

    def __init__(self, plan: SeriesPlan, window: Window, weights: Mapping[Kind, float]) -> None:
        self._plan, self._window = plan, window
        self._kinds = [kind for kind in KINDS if weights.get(kind, 0) > 0]
        self._weights = [weights[kind] for kind in self._kinds]
        if not self._kinds:
            raise ValueError("every query kind has weight 0; give at least one a positive weight")
        self._make: Mapping[Kind, Callable[[float, random.Random], Query]] = {
            "stable_instant": self._stable_instant,
            "stable_range": self._stable_range,
            "stable_topk": self._stable_topk,
            "shard_sum": self._shard_sum,
            "stable_sum_by_shard": self._stable_sum_by_shard,
            "count_all": self._count_all,
        }

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds that are drawn, in a fixed order."""
        return self._kinds

    def draw(self, sent_s: Sequence[float], rng: random.Random) -> list[Query]:
        """One query for each intended time of sending (Unix seconds).

        Each kind comes at least once if there is room, so that a short run does not miss one by chance.
        """
        rest = rng.choices(self._kinds, self._weights, k=max(0, len(sent_s) - len(self._kinds)))
        kinds = rng.sample([*self._kinds, *rest], k=len(sent_s))
        return [self.one(kind, at_s - self._window.settle_s, rng) for at_s, kind in zip(sent_s, kinds, strict=True)]

    def one(self, kind: Kind, at_s: float, rng: random.Random) -> Query:
        """A query of `kind` about the instant `at_s`, or the first stored one if that is later."""
        return self._make[kind](round(max(at_s, self._window.start_s), 3), rng)

    def _selector(self, **labels: str) -> str:
        inside = ",".join(f'{name}="{value}"' for name, value in {"run_id": self._plan.run_id, **labels}.items())
        return f"fawkes_load_value{{{inside}}}"

    def _stable_instant(self, at_s: float, rng: random.Random) -> Query:
        series = rng.randrange(self._plan.stable)
        promql = self._selector(series=f"{series:06d}")
        truth = {f"{series:06d}": int(self._plan.stable_values()[series])}
        return _instant("stable_instant", promql, at_s, lambda result: _wrong_vector(result, "series", truth, at_s))

    def _stable_range(self, at_s: float, rng: random.Random) -> Query:
        series = rng.randrange(self._plan.stable)
        steps = int(min(RANGE_S, at_s - self._window.start_s) / RANGE_STEP_S)
        times = [at_s - RANGE_STEP_S * back for back in range(steps, -1, -1)]
        value = int(self._plan.stable_values()[series])
        promql = self._selector(series=f"{series:06d}")
        params = {"query": promql, "start": f"{times[0]:.3f}", "end": f"{at_s:.3f}", "step": f"{RANGE_STEP_S:g}"}
        path = f"/api/v1/query_range?{urlencode(params)}"
        return Query("stable_range", path, promql, at_s, lambda result: _wrong_range(result, times, value))

    def _stable_topk(self, at_s: float, rng: random.Random) -> Query:
        shard = rng.randrange(SHARDS)
        values = self._plan.stable_values()[shard::SHARDS].tolist()
        ranked = sorted(((value, shard + SHARDS * place) for place, value in enumerate(values)), reverse=True)[:TOP]
        truth = {f"{series:06d}": value for value, series in ranked}
        promql = f"topk({TOP}, {self._selector(shard=f'{shard:02d}', generation='0')})"
        return _instant("stable_topk", promql, at_s, lambda result: _wrong_vector(result, "series", truth, at_s))

    def _stable_sum_by_shard(self, at_s: float, rng: random.Random) -> Query:
        truth = {f"{shard:02d}": total for shard, total in enumerate(self._plan.stable_shard_sums().tolist())}
        promql = f"sum by (shard) ({self._selector(generation='0')})"
        return _instant("stable_sum_by_shard", promql, at_s, lambda result: _wrong_vector(result, "shard", truth, at_s))

    def _count_all(self, at_s: float, rng: random.Random) -> Query:
        promql = f"count by (run_id) ({self._selector()})"
        truth = {self._plan.run_id: self._plan.series}
        return _instant("count_all", promql, at_s, lambda result: _wrong_vector(result, "run_id", truth, at_s))

    def _shard_sum(self, at_s: float, rng: random.Random) -> Query:
        shard = f"{rng.randrange(SHARDS):02d}"
        generation = f'fawkes_load_generation{{run_id="{self._plan.run_id}"}}'
        promql = f"sum by (shard) ({self._selector(shard=shard)}) or max by (run_id) ({generation})"
        return _instant("shard_sum", promql, at_s, lambda result: self._wrong_shard_sum(result, shard, at_s))

    def _wrong_shard_sum(self, result: Any, shard: str, at_s: float) -> str | None:
        named = [row for row in result if "run_id" in row["metric"]]
        if len(named) != 1:
            return f"expected one generation beside the sum, got {len(named)}"
        seen = float(named[0]["value"][1])
        low, high = self.generations(at_s)
        if not low <= seen <= high or seen != math.floor(seen):
            return f"expected a generation from {low} to {high}, got {seen:g}"
        if wrong := _wrong_vector(named, "run_id", {self._plan.run_id: int(seen)}, at_s):
            return wrong
        truth = {shard: int(self._plan.shard_sums(int(seen))[int(shard)])}
        return _wrong_vector([row for row in result if "run_id" not in row["metric"]], "shard", truth, at_s)

    def generations(self, at_s: float) -> tuple[int, int]:
        """First and last generation that the newest scrape at `at_s` may belong to.

        That scrape began at most one interval earlier (one more is allowed for a scrape that was late), and the target
        rendered it within the scrape's time-out, one interval.
        """
        interval_s = self._window.scrape_interval_s
        return self._plan.generation_at(at_s - 2 * interval_s), self._plan.generation_at(at_s + interval_s)


def _instant(kind: Kind, promql: str, at_s: float, check: Callable[[Any], str | None]) -> Query:
    path = f"/api/v1/query?{urlencode({'query': promql, 'time': f'{at_s:.3f}'})}"
    return Query(kind, path, promql, at_s, check)


def _wrong_vector(result: Any, label: str, truth: Mapping[str, int], at_s: float) -> str | None:
    """Compare an instant vector, told apart by `label`, with the truth."""
    if len(result) != len(truth):
        return f"expected {len(truth)} series, got {len(result)}"
    for row in result:
        name, (stamp_s, text) = row["metric"][label], row["value"]
        if name not in truth:
            return f"did not expect {label}={name!r}"
        if float(text) != truth[name]:
            return f"expected {truth[name]} for {label}={name!r}, got {text}"
        if not _same_instant(stamp_s, at_s):
            return f"expected the answer for {at_s:.3f}, got it for {stamp_s}"
    return None if len({row["metric"][label] for row in result}) == len(truth) else f"a {label} came twice"


def _wrong_range(result: Any, times: Sequence[float], value: int) -> str | None:
    if len(result) != 1:
        return f"expected 1 series, got {len(result)}"
    points = result[0]["values"]
    if len(points) != len(times):
        return f"expected {len(times)} points, got {len(points)}"
    for (stamp_s, text), at_s in zip(points, times, strict=True):
        if not _same_instant(stamp_s, at_s):
            return f"expected a point at {at_s:.3f}, got one at {stamp_s}"
        if float(text) != value:
            return f"expected {value} at {at_s:.3f}, got {text}"
    return None


def _same_instant(seen_s: float, asked_s: float) -> bool:
    """Prometheus keeps whole milliseconds, and whole milliseconds are asked for."""
    return abs(seen_s - asked_s) < 0.001
