"""Worked cases of a counter over one day: what Prometheus makes of deployments, right and wrong.

Five deployments at known seconds of the day, scraped every 30 s from second 7 on, unless a case says otherwise. The
values follow from the formulas by hand (docs/oracle.md); tests compute them here and ask a running Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

DAY_S: Final = 86_400
HOUR_S: Final = 3_600
SCRAPE_S: Final = 30
PHASE_S: Final = 7
DEPLOYED_S: Final = (7200, 20000, 40000, 60000, 80000)
_RESTARTED_S: Final = 50_000

Samples = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Golden:
    """`sum(function(x[range]))` over these series at the end of the range; times in seconds since its start."""

    case: str
    says: str
    series: Sequence[Samples]
    value: float
    function: Literal["increase", "rate"] = "increase"
    range_s: int = DAY_S


def _scraped(value_at: Callable[[int], float], from_s: int = 0) -> Samples:
    return [(float(t), float(value_at(t))) for t in range(PHASE_S, DAY_S, SCRAPE_S) if t >= from_s]


def _counting(at_s: Sequence[int], start: int = 0) -> Callable[[int], float]:
    """A counter that begins at `start` and grows by one at each second."""
    return lambda t: start + sum(t >= event_s for event_s in at_s)


def _restarted(t: int) -> float:
    return _counting(DEPLOYED_S, 10)(t) if t < _RESTARTED_S else sum(_RESTARTED_S <= e <= t for e in DEPLOYED_S)


def _dipped(t: int) -> float:
    return 0 if _RESTARTED_S <= t < _RESTARTED_S + 60 else _counting(DEPLOYED_S, 40)(t)


_FULL: Final = _scraped(_counting(DEPLOYED_S, 10))
_BORN: Final = _scraped(_counting(DEPLOYED_S), from_s=DEPLOYED_S[0])

GOLDEN: Final = (
    Golden("A", "a counter that covers the day is extrapolated to its edges", [_FULL], 5.0017367),
    Golden("B", "a counter born with its first event loses that event", [_BORN], 4.0019199),
    Golden("B0", "a zero sample at its start brings the first event back", [[(7192.0, 0.0), *_BORN]], 5.0014523),
    Golden(
        *("C", "the only deployment of a new counter counts nothing"),
        [_scraped(_counting([7200]), from_s=7200)],
        0.0,
    ),
    Golden(
        *("D", "a counter created at zero is not extrapolated below it"),
        [_scraped(_counting([40000]))],
        1.0002663,
    ),
    Golden("E", "a reset adds back what was counted before it", [_scraped(_restarted)], 5.0017367),
    Golden("F", "rate is per second, so five a day read almost nothing", [_FULL], 5.0017367 / DAY_S, "rate"),
    Golden("G", "a counter that never moves grew by nothing", [_scraped(_counting([], 10))], 0.0),
    Golden("H", "an exporter at zero before its replay counts everything again", [_scraped(_dipped)], 48.0166725),
    Golden("I", "two replicas that export one total double the sum", [_FULL, _FULL], 10.0034734),
    Golden(
        *("J", "three samples in an hour are stretched by half a gap on both sides"),
        [[(1000.0, 1.0), (1030.0, 2.0), (1060.0, 3.0)]],
        3.0,
        range_s=HOUR_S,
    ),
)
