"""The load's truth: what every series is worth, computable from a seed without looking at anything that ran.

`series` gauges `fawkes_load_value{run_id, series, shard, generation}` exist at any time. Time is cut into generations
(1, 2, 3, ...). The first tenth of the series is stable: label `generation="0"` for ever. The others begin with
`generation="1"`; at each later generation a slice of `churn_per_generation` of them, rotating, takes that generation
as its label: the old series vanish, as many new ones appear, and the count stays the same.

Values are integers below 2**31, so any sum over at most 10**6 of them is below 2**51 and exact in the float64 of
Prometheus, whatever the order of adding.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

SHARDS = 100
"""Two digits of label. At 100,000 series a shard is 1,000, about what one panel of a dashboard reads."""

STABLE_ONE_IN = 10
"""One series in ten never churns: enough to ask for, while nine tenths carry the churn."""

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


class SeriesPlan(BaseModel):
    """Everything the load's values follow from. The target and the query mix each get a copy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str = Field(pattern=r"^[A-Za-z0-9_.:-]+$")
    seed: int
    series: int = Field(default=100_000, ge=1_000, le=1_000_000, description="Six digits of label.")
    churn_per_generation: int = Field(default=0, ge=0)
    generation_s: float = Field(default=60.0, gt=0)
    epoch_s: float = Field(description="Unix time at which generation 1 began.")

    @model_validator(mode="after")
    def _churn_fits(self) -> SeriesPlan:
        if self.churn_per_generation > self.series - self.stable:
            raise ValueError(
                f"churn_per_generation is {self.churn_per_generation}, but only {self.series - self.stable} "
                f"of {self.series} series may churn; lower it"
            )
        return self

    @property
    def stable(self) -> int:
        """How many series never churn; they are the first ones."""
        return self.series // STABLE_ONE_IN

    def generation_at(self, at_s: float) -> int:
        """The generation at a Unix time; 1 before and during the first."""
        return max(1, 1 + math.floor((at_s - self.epoch_s) / self.generation_s))

    def labels(self, generation: int) -> Ints:
        """The label `generation` of each series while `generation` lasts. Shape (series,)."""
        labels = np.zeros(self.series, dtype=np.int64)
        churning = self.series - self.stable
        labels[self.stable :] = 1
        # Generation g takes positions [(g-2)k, (g-1)k) of the endless sequence 0, 1, ..., M-1, 0, 1, ...;
        # a series keeps the label of the last position that was its own.
        taken = (generation - 1) * self.churn_per_generation
        index = np.arange(min(churning, taken), dtype=np.int64)
        last = index + churning * ((taken - 1 - index) // churning)
        labels[self.stable : self.stable + index.size] = last // max(1, self.churn_per_generation) + 2
        return labels

    def values(self, generation: int) -> Ints:
        """The value of each series while `generation` lasts. Shape (series,)."""
        return series_values(self.seed, np.arange(self.series, dtype=np.int64), self.labels(generation))

    def shard_sums(self, generation: int) -> Ints:
        """Sum of each shard's values over all its series while `generation` lasts. Shape (SHARDS,)."""
        return _shard_sums(self, generation)

    def stable_values(self) -> Ints:
        """Values of the series that never churn. Shape (stable,)."""
        return _stable_values(self)

    def stable_shard_sums(self) -> Ints:
        """Sum of each shard's stable values. Shape (SHARDS,)."""
        return _sums(self.stable_values())


def series_values(seed: int, series: Ints, generation: Ints) -> Ints:
    """An integer below 2**31 for each (series, generation label), the same on every machine. Arrays of one shape."""
    words = _mix(np.uint64(seed % 2**64) + series.astype(np.uint64))
    return (_mix(words ^ generation.astype(np.uint64)) >> np.uint64(33)).astype(np.int64)


def _mix(words: Words) -> Words:
    """One step of splitmix64 on each word (Steele, Lea, Flood: Fast splittable pseudorandom number generators)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _sums(values: Ints) -> Ints:
    padded = np.zeros(-(-values.size // SHARDS) * SHARDS, dtype=np.int64)
    padded[: values.size] = values
    sums: Ints = padded.reshape(-1, SHARDS).sum(axis=0)
    return sums


# A day of 30 s generations; 100 numbers each.
@lru_cache(maxsize=2880)
def _shard_sums(plan: SeriesPlan, generation: int) -> Ints:
    return _sums(plan.values(generation))


@lru_cache(maxsize=4)
def _stable_values(plan: SeriesPlan) -> Ints:
    index = np.arange(plan.stable, dtype=np.int64)
    return series_values(plan.seed, index, np.zeros_like(index))
