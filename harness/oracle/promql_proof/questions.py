"""What is asked of Prometheus, and how the oracle's functions answer the same."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Literal

from fawkes.harness.oracle.promql_proof.branches import quantile_branches, range_branches
from fawkes.harness.oracle.promql_proof.series import RANGES_MS, Series

Kind = Literal["range", "quantile", "joined"]
Labelled = list[tuple[str, float]]

QUANTILES: Final = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)
_NO_QUANTILES: Final = (math.nan, -0.1, 1.1)
_QUANTILE_RANGES_MS: Final = RANGES_MS[1:4]
_JOINED_RANGES_MS: Final = RANGES_MS[2:4]


class Port:
    """The functions of `oracle.promql`, or of a wrong copy of it, on stored series. Remembers what it has computed."""

    def __init__(self, functions: ModuleType) -> None:
        self.of = functions
        self._known: dict[tuple[str, Series, int, int], float | None] = {}

    def ranged(self, function: str, series: Series, at_ms: int, range_ms: int) -> float | None:
        """`function(series[range])` at an instant."""
        key = (function, series, at_ms, range_ms)
        if key not in self._known:
            compute = getattr(self.of, function)
            self._known[key] = compute(series.samples, at_s=at_ms / 1000, range_s=range_ms / 1000)
        return self._known[key]


@dataclass(frozen=True, slots=True)
class Question:
    """One expression, whose elements are told by their label `by`."""

    kind: Kind
    name: str
    """The function or composition, for the table."""
    expr: str
    by: str
    elements: Mapping[str, Sequence[Series]]
    """Value of the label -> the series behind that element."""
    compute: Callable[[Port, str, int], float | None]
    """Our value of the element at Unix milliseconds; None: it isn't there."""
    spelled: Callable[[Port, str, int], str]
    """The same as a call that can be read, with its inputs."""
    range_ms: int = 0
    branches: Callable[[Port, str, int], Iterator[str]] | None = None
    """Which branches of Prometheus' code the element goes through."""


def questions(series: Sequence[Series]) -> list[Question]:
    """Everything that is asked about these series."""
    named: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        named[one.labels["__name__"]].append(one)
    counters = _by("n", [*named["proof_total"], *named["proof_failed_total"]])
    total, failed = _by("g", named["proof_total"]), _by("g", named["proof_failed_total"])
    scraped, bare = _by("h", named["proof_seconds_bucket"]), _by("h", named["proof_bare_bucket"])
    return [
        *(_ranged(function, counters, range_ms) for range_ms in RANGES_MS for function in ("increase", "rate")),
        *(question for range_ms in _JOINED_RANGES_MS for question in _joined(total, failed, range_ms)),
        *(_of_rates(q, scraped, range_ms) for range_ms in _QUANTILE_RANGES_MS for q in QUANTILES),
        *(_of_counts(q, bare) for q in (*QUANTILES, *_NO_QUANTILES)),
    ]


def _by(label: str, series: Sequence[Series]) -> dict[str, list[Series]]:
    groups: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        groups[one.labels[label]].append(one)
    return dict(groups)


def _ranged(function: str, counters: Mapping[str, Sequence[Series]], range_ms: int) -> Question:
    def compute(port: Port, n: str, at_ms: int) -> float | None:
        return port.ranged(function, counters[n][0], at_ms, range_ms)

    def spelled(_: Port, n: str, at_ms: int) -> str:
        return f"{function}(x[{range_ms}ms]) at {at_ms} ms of {counters[n][0].stored}"

    def branches(_: Port, n: str, at_ms: int) -> Iterator[str]:
        return range_branches(counters[n][0], at_ms, range_ms)

    expr = f'{function}({{__name__=~"proof_(failed_)?total"}}[{range_ms}ms])'
    return Question("range", function, expr, "n", counters, compute, spelled, range_ms, branches)


def _joined(
    total: Mapping[str, Sequence[Series]], failed: Mapping[str, Sequence[Series]], range_ms: int
) -> Iterator[Question]:
    """As the platform's rules join elements: summed, the largest, and a ratio that may know of no failures."""

    def increases(port: Port, group: Sequence[Series], at_ms: int) -> list[float | None]:
        return [port.ranged("increase", series, at_ms, range_ms) for series in group]

    def summed(port: Port, g: str, at_ms: int) -> float | None:
        return _number(port.of.vector_sum(increases(port, total[g], at_ms)))

    def largest(port: Port, g: str, at_ms: int) -> float | None:
        return _number(port.of.vector_max(increases(port, total[g], at_ms)))

    def ratio(port: Port, g: str, at_ms: int) -> float | None:
        part = port.of.vector_sum(increases(port, failed.get(g, ()), at_ms))
        return _number(port.of.guarded_ratio(part, summed(port, g, at_ms)))

    def spelled(port: Port, g: str, at_ms: int) -> str:
        return f"increases {increases(port, total[g], at_ms)}, failed {increases(port, failed.get(g, ()), at_ms)}"

    whole, part = (f"sum by (g) (increase({name}[{range_ms}ms]))" for name in ("proof_total", "proof_failed_total"))
    most, guarded = f"max by (g) (increase(proof_total[{range_ms}ms]))", f"({part} or 0 * {whole}) / ({whole} > 0)"
    yield Question("joined", "sum by (increase)", whole, "g", total, summed, spelled, range_ms)
    yield Question("joined", "max by (increase)", most, "g", total, largest, spelled, range_ms)
    yield Question("joined", "guarded ratio", guarded, "g", total, ratio, spelled, range_ms)


def _of_rates(q: float, histograms: Mapping[str, Sequence[Series]], range_ms: int) -> Question:
    by_le = {h: _by("le", group) for h, group in histograms.items()}

    def labelled(port: Port, h: str, at_ms: int) -> Labelled:
        sums = (
            (le, port.of.vector_sum(port.ranged("rate", series, at_ms, range_ms) for series in group))
            for le, group in by_le[h].items()
        )
        return [(le, value) for le, value in sums if value is not None]

    expr = f"sum by (h, le) (rate(proof_seconds_bucket[{range_ms}ms]))"
    return _quantile("histogram_quantile(sum by (le) (rate))", q, expr, histograms, labelled, range_ms)


def _of_counts(q: float, histograms: Mapping[str, Sequence[Series]]) -> Question:
    values = {
        h: [(one.labels["le"], {at_ms: value for at_ms, value in one.stored if value is not None}) for one in group]
        for h, group in histograms.items()
    }

    def labelled(_: Port, h: str, at_ms: int) -> Labelled:
        return [(le, by_instant[at_ms]) for le, by_instant in values[h]]

    return _quantile("histogram_quantile", q, "proof_bare_bucket", histograms, labelled, 0)


def _quantile(
    name: str,
    q: float,
    expr: str,
    histograms: Mapping[str, Sequence[Series]],
    labelled: Callable[[Port, str, int], Labelled],
    range_ms: int,
) -> Question:
    def compute(port: Port, h: str, at_ms: int) -> float | None:
        buckets = port.of.buckets_of(labelled(port, h, at_ms))
        return _number(port.of.histogram_quantile(q, buckets)) if buckets else None

    def spelled(port: Port, h: str, at_ms: int) -> str:
        return f"histogram_quantile({q}, {dict(labelled(port, h, at_ms))})"

    def branches(port: Port, h: str, at_ms: int) -> Iterator[str]:
        return quantile_branches(q, labelled(port, h, at_ms))

    asked = f"histogram_quantile({_written(q)}, {expr})"
    return Question("quantile", name, asked, "h", histograms, compute, spelled, range_ms, branches)


def _number(value: float | None) -> float | None:
    """What a function of a port returned, which has no type since it may be a wrong one."""
    return value


def _written(q: float) -> str:
    return "NaN" if math.isnan(q) else repr(q)
