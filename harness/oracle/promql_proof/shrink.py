"""Makes a disagreement small enough to read."""

from __future__ import annotations

from itertools import count
from typing import Final

from fawkes.harness.oracle.promql_proof.comparison import TOLERANCE, Compared, relative_error
from fawkes.harness.oracle.promql_proof.live import LivePrometheus
from fawkes.harness.oracle.promql_proof.questions import Port
from fawkes.harness.oracle.promql_proof.series import Series, Stored

_METRIC: Final = "proof_shrunk"
_NUMBERS: Final = count()
"""Each try is a series of its own, also when several shrinkers use one Prometheus."""


class Shrinker:
    """Tries samples on a running Prometheus, each time as a new series."""

    def __init__(self, live: LivePrometheus, port: Port) -> None:
        self._live, self._port = live, port

    def readable(self, case: Compared) -> str:
        """The disagreement on one line: of a counter as small as it gets, of anything else as it was asked."""
        if case.question.kind != "range":
            call = case.question.spelled(self._port, case.key, case.at_ms)
            return f"{call}: {case.ours}, Prometheus {case.theirs}"
        start_ms = case.at_ms - case.question.range_ms
        stored, ours, theirs = self._shrunk(case, start_ms)
        samples = ", ".join(f"{value!r} at {(at_ms - start_ms) / 1000:g} s" for at_ms, value in stored)
        asked = f"{case.question.name}(x[{case.question.range_ms / 1000:g}s])"
        return f"{asked} of {samples or 'nothing'}: {ours}, Prometheus {theirs}"

    def _shrunk(self, case: Compared, start_ms: int) -> tuple[list[Stored], float | None, float | None]:
        """Leave out one sample after the other as long as the two sides still disagree."""
        (series,) = case.question.elements[case.key]
        kept = [sample for sample in series.stored if start_ms <= sample[0] <= case.at_ms and sample[1] is not None]
        ours, theirs = self._try(case, kept)
        place = 0
        while place < len(kept):
            fewer = [*kept[:place], *kept[place + 1 :]]
            tried = self._try(case, fewer)
            if relative_error(*tried) > TOLERANCE:
                kept, (ours, theirs) = fewer, tried
            else:
                place += 1
        return kept, ours, theirs

    def _try(self, case: Compared, stored: list[Stored]) -> tuple[float | None, float | None]:
        number, function, range_ms = str(next(_NUMBERS)), case.question.name, case.question.range_ms
        series = Series({"__name__": _METRIC, "number": number}, tuple(stored))
        self._live.write([series])
        instant = range(case.at_ms, case.at_ms + 1000, 1000)
        theirs = self._live.ask(f'{function}({_METRIC}{{number="{number}"}}[{range_ms}ms])', instant, "number")
        ours = self._port.ranged(function, series, case.at_ms, range_ms)
        return ours, theirs.get(number, {}).get(case.at_ms)
