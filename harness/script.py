"""What a scripted scrape target shows at any moment: pure, so that who serves it and who judges it agree.

Elapsed time is unscaled and counts from the moment the workload began; before that the page stands still at 0.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fawkes.harness.duration import DurationS, format_duration

MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScriptStep(_Strict):
    """From `at` on."""

    at: DurationS = Field(description="Unscaled time since the workload began.")
    value: float | None = Field(description="What the series shows from then on; null: the series is gone.")
    rate_per_s: float = Field(default=0.0, description="How fast it grows from that value, per unscaled second.")


class ScriptedSeries(_Strict):
    """One series and its values over time."""

    name: MetricName
    labels: dict[LabelName, str] = {}
    type: Literal["gauge", "counter"] = "gauge"
    steps: tuple[ScriptStep, ...] = Field(min_length=1, description="In order of time; before the first it is absent.")

    @model_validator(mode="after")
    def _in_order(self) -> ScriptedSeries:
        for before, after in pairwise(self.steps):
            if after.at <= before.at:
                raise ValueError(
                    f"{self.name} has a step at {format_duration(after.at)} after the one at "
                    f"{format_duration(before.at)}; put the steps in order of time, each at another time"
                )
        return self

    def value_at(self, elapsed_s: float) -> float | None:
        """What it shows then; None while it is absent."""
        index = bisect.bisect_right(self.steps, max(0.0, elapsed_s), key=lambda step: step.at)
        if index == 0:
            return None
        step = self.steps[index - 1]
        return None if step.value is None else step.value + step.rate_per_s * (max(0.0, elapsed_s) - step.at)

    def shown(self, from_s: float, until_s: float) -> list[tuple[float, float]]:
        """Each step's lowest and highest value in that time, both ends included; nothing while it is absent."""
        from_s, until_s = max(0.0, from_s), max(0.0, until_s)
        ranges = []
        for step, end_s in zip(self.steps, [*(step.at for step in self.steps[1:]), math.inf], strict=True):
            if step.value is not None and step.at <= until_s and from_s < end_s:
                ends = [
                    step.value + step.rate_per_s * (at_s - step.at)
                    for at_s in (max(from_s, step.at), min(until_s, end_s))
                ]
                ranges.append((min(ends), max(ends)))
        return ranges


class Silence(_Strict):
    """A time in which connections are closed without an answer."""

    at: DurationS = Field(description="Unscaled time since the workload began.")
    lasts: DurationS = Field(gt=0, description="Unscaled time until the page answers again.")


class Script(_Strict):
    """Everything one target shows."""

    series: tuple[ScriptedSeries, ...] = ()
    silent: tuple[Silence, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Script:
        keys = [(one.name, *sorted(one.labels.items())) for one in self.series]
        if twice := [key[0] for key in keys if keys.count(key) > 1]:
            raise ValueError(f"{twice[0]} stands twice with the same labels; give each series labels of its own")
        types = {(one.name, one.type) for one in self.series}
        names = [name for name, _ in types]
        if mixed := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"{mixed[0]} is a gauge and a counter; a name has one type")
        return self

    def answers(self, elapsed_s: float) -> bool:
        """Whether the page answers at all then."""
        return not any(one.at <= elapsed_s < one.at + one.lasts for one in self.silent)

    def showing(self, elapsed_s: float) -> Iterator[tuple[ScriptedSeries, float]]:
        """The series that exist then, with their values."""
        for one in self.series:
            if (value := one.value_at(elapsed_s)) is not None:
                yield one, value

    def ends_s(self) -> float:
        """When the last step or silence is over; 0 when nothing ever changes."""
        steps = [step.at for one in self.series for step in one.steps]
        return max([*steps, *(one.at + one.lasts for one in self.silent)], default=0.0)
