"""The load's truth against a slow, obvious way to say the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fawkes.load.series import SHARDS, SeriesPlan, series_values


def plan(**changed):
    return SeriesPlan(**{"run_id": "r1", "seed": 7, "series": 1000, "epoch_s": 1000.0, "generation_s": 10.0, **changed})


def labels_by_walking(it, generation):
    labels = [0] * it.stable + [1] * (it.series - it.stable)
    position = 0
    for now in range(2, generation + 1):
        for _ in range(it.churn_per_generation):
            labels[it.stable + position % (it.series - it.stable)] = now
            position += 1
    return labels


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.integers(1, 12))
def test_labels_are_those_of_walking_through_the_generations(churn, generation):
    it = plan(churn_per_generation=churn)
    assert it.labels(generation).tolist() == labels_by_walking(it, generation)


def test_each_generation_churns_exactly_its_slice_and_never_the_stable_part():
    it = plan(churn_per_generation=130)
    before, after = it.labels(5), it.labels(6)
    assert np.count_nonzero(before != after) == 130
    assert not it.labels(50)[: it.stable].any()


def splitmix64(word):
    mask = 2**64 - 1
    word = (word + 0x9E3779B97F4A7C15) & mask
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
    return word ^ (word >> 31)


def test_splitmix64_matches_its_published_first_output():
    # Seed 1234567, first output; the value that implementations of splitmix64 compare themselves with.
    assert splitmix64(1234567) == 6457827717110365317


@given(st.integers(-(2**70), 2**70), st.integers(0, 999_999), st.integers(0, 10**6))
def test_values_are_splitmix64_in_plain_python(seed, series, generation):
    value = series_values(seed, np.array([series]), np.array([generation])).item()
    assert value == splitmix64(splitmix64((seed + series) % 2**64) ^ generation) >> 33
    assert 0 <= value < 2**31


def test_shard_sums_add_up_the_values():
    it = plan(series=1234, churn_per_generation=77)
    values = it.values(4).tolist()
    assert it.shard_sums(4).tolist() == [sum(values[shard::SHARDS]) for shard in range(SHARDS)]


def test_stable_sums_hold_in_every_generation():
    it = plan(churn_per_generation=900)
    stable = it.values(9)[: it.stable].tolist()
    assert it.stable_values().tolist() == stable
    assert it.stable_shard_sums().tolist() == [sum(stable[shard::SHARDS]) for shard in range(SHARDS)]


@pytest.mark.parametrize(("at_s", "generation"), [(0, 1), (999.9, 1), (1000, 1), (1009.9, 1), (1010, 2), (1100, 11)])
def test_generations_follow_the_wall_clock_from_the_epoch(at_s, generation):
    assert plan().generation_at(at_s) == generation


@pytest.mark.parametrize(
    "wrong",
    [{"churn_per_generation": 901}, {"series": 999}, {"series": 1_000_001}, {"run_id": 'a"b'}, {"generation_s": 0}],
)
def test_a_plan_that_cannot_be_kept_is_refused(wrong):
    with pytest.raises(ValidationError):
        plan(**wrong)
