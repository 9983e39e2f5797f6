"""Did Prometheus store what a scripted target showed? Pure: the recorded script against raw samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fawkes.harness.model import Record
from fawkes.harness.oracle.counter_bounds import STAMP_MOVES_S
from fawkes.harness.script import Script, ScriptedSeries

_ROUNDING: Final = 1e-9
"""Relative; a growing value is computed from two clock readings here and from one there."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """What one target showed, from a record of kind `exposed`."""

    part: str
    script: Script
    began_s: float
    clock_factor: float

    @classmethod
    def of(cls, record: Record) -> Exposed:
        data = record.data
        script = Script.model_validate({key: data[key] for key in ("series", "silent")})
        return cls(data["part"], script, data["began_s"], data["clock_factor"])

    def live_s(self, elapsed_s: float) -> float:
        """The Unix second of a moment of the script."""
        return self.began_s + elapsed_s / self.clock_factor

    def wrong_sample(
        self, labels: Mapping[str, str], samples: Sequence[Sequence[float]], scrape_s: float
    ) -> str | None:
        """The first sample that the script can't have shown, in words; None when all are right.

        Also None for a series that is not this target's. A sample is stamped with the time at which its scrape was due
        and holds what was shown at some moment of the interval after that.
        """
        series = self._series(labels)
        is_up = labels.get("__name__") == "up" and labels.get("pod") == self.part
        for at_s, value in samples if is_up or series is not None else ():
            early_s, late_s = (
                (at_s + shift_s - self.began_s) * self.clock_factor
                for shift_s in (-STAMP_MOVES_S, scrape_s + STAMP_MOVES_S)
            )
            shown = self._up(early_s, late_s) if series is None else self._shown(series, early_s, late_s)
            if not any(_within(value, low, high) for low, high in shown):
                told = " or ".join(dict.fromkeys(f"{low:g}" for low, _ in shown)) or "nothing"
                return (
                    f"{labels['__name__']} was {value:g} {max(0.0, early_s):.0f} s into the script, which showed {told}"
                )
        return None

    def missing(self, query: str, labels: Mapping[str, str], stored: Sequence[Mapping[str, str]]) -> str | None:
        """The name of a series that `query` asks for with `labels`, that was shown, and is not among the `stored`."""
        for one in self.script.series:
            asked = query.partition("{")[0] == one.name
            asked = asked and all(one.labels.get(name, value) == value for name, value in labels.items())
            if asked and not any(self._series(found) == one for found in stored):
                return one.name
        return None

    def _series(self, labels: Mapping[str, str]) -> ScriptedSeries | None:
        """The scripted series behind a stored one, which also carries what Prometheus knows of the target."""
        own = [
            one
            for one in self.script.series
            if one.name == labels.get("__name__")
            and one.labels.items() <= labels.items()
            and ("pod" in one.labels or labels.get("pod") == self.part)
        ]
        return max(own, key=lambda one: len(one.labels), default=None)

    def _shown(self, series: ScriptedSeries, early_s: float, late_s: float) -> list[tuple[float, float]]:
        return series.shown(early_s, late_s) if True in self._answers(early_s, late_s) else []

    def _up(self, early_s: float, late_s: float) -> list[tuple[float, float]]:
        return [(float(answers), float(answers)) for answers in sorted(self._answers(early_s, late_s))]

    def _answers(self, early_s: float, late_s: float) -> set[bool]:
        """Whether a scrape in that time was answered: True, False, or either."""
        silent = [(one.at, one.at + one.lasts) for one in self.script.silent]
        touched = any(at_s <= late_s and early_s < end_s for at_s, end_s in silent)
        covered = any(at_s <= early_s and late_s < end_s for at_s, end_s in silent)
        return ({False} if touched else set()) | (set() if covered else {True})


def _within(value: float, low: float, high: float) -> bool:
    slack = _ROUNDING * max(abs(low), abs(high))
    return low - slack <= value <= high + slack
