"""The port of Prometheus' arithmetic against worked cases of the formulas. Against Prometheus: test_promql_live.py."""

import math
import random

import pytest

from fawkes.harness.oracle.promql import (
    buckets_of,
    guarded_ratio,
    histogram_quantile,
    increase,
    quantile_bound,
    rate,
    vector_max,
    vector_sum,
)
from fawkes.harness.oracle.promql_proof.golden import GOLDEN


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.case}: {golden.says}")
def test_golden(golden):
    compute = {"increase": increase, "rate": rate}[golden.function]
    values = [compute(samples, at_s=golden.range_s, range_s=golden.range_s) for samples in golden.series]
    assert vector_sum(values) == pytest.approx(golden.value, rel=1e-8)  # the values have eight digits


@pytest.mark.parametrize("samples", [[], [(100.0, 5.0)]], ids=["none", "one"])
def test_fewer_than_two_samples_give_nothing(samples):
    assert increase(samples, at_s=200, range_s=200) is None


def test_the_window_is_open_on_the_left_and_closed_on_the_right():
    on_both_edges = [(100.0, 0.0), (130.0, 1.0), (200.0, 2.0)]
    without_left = increase(on_both_edges[1:], at_s=200, range_s=100)
    assert increase(on_both_edges, at_s=200, range_s=100) == without_left


def test_a_gap_of_exactly_the_threshold_takes_half_the_average():
    # 3 samples, 20 s apart on average; threshold 22 s; the first one lies exactly 22 s after the start
    samples = [(22.0, 10.0), (42.0, 20.0), (62.0, 30.0)]
    assert increase(samples, at_s=62, range_s=62) == 20 * (40 + 10) / 40


def test_samples_out_of_order_are_refused():
    with pytest.raises(ValueError, match="time order"):
        increase([(20.0, 1.0), (10.0, 2.0)], at_s=30, range_s=30)


# The exposition in ADR-012: 30 lead times up to 1 h, 50 up to 2 h, 75 in all; 20 incidents.
ADR_LEAD_TIME = {3600.0: 30.0, 7200.0: 50.0, math.inf: 75.0}
ADR_INCIDENTS = {1800.0: 12.0, 3600.0: 18.0, math.inf: 20.0}


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, ADR_LEAD_TIME, 4950.0),
        (0.95, ADR_LEAD_TIME, 7200.0),
        (0.5, ADR_INCIDENTS, 1500.0),
        (-0.1, ADR_LEAD_TIME, -math.inf),
        (1.1, ADR_LEAD_TIME, math.inf),
        (0.5, {-1.0: 3.0, math.inf: 4.0}, -1.0),
        (0.9, {1.0: 5.0, 2.0: 3.0, math.inf: 5.0}, 0.9),
        (0.5, {1.0: 1.0, 2.0: 1.0 + 1e-13, math.inf: 2.0}, 1.0),
    ],
    ids=["p50", "beyond the last bound", "incidents", "q<0", "q>1", "negative bound", "not monotonic", "rounding"],
)
def test_classic_histogram_quantile(q, buckets, expected):
    assert histogram_quantile(q, buckets) == expected


@pytest.mark.parametrize(
    ("q", "buckets"),
    [
        (0.5, {1.0: 3.0}),
        (0.5, {math.inf: 3.0}),
        (0.5, {1.0: 0.0, math.inf: 0.0}),
        (math.nan, ADR_LEAD_TIME),
        (0.0, {1.0: 0.0, 2.0: 1.0, math.inf: 1.0}),
    ],
    ids=["no +Inf", "one bucket", "empty", "q is NaN", "rank 0 in an empty bucket"],
)
def test_histogram_quantile_without_an_answer(q, buckets):
    assert math.isnan(histogram_quantile(q, buckets))


BOUNDS = (10.0, 100.0, 1000.0, math.inf)


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (3.0, (0.0, 10.0)),
        (10.0, (0.0, 10.0)),
        (10.5, (10.0, 100.0)),
        (1000.0, (100.0, 1000.0)),
        (5e9, (1000.0, 1000.0)),
    ],
)
def test_quantile_bound_is_the_bucket_of_the_true_value(value, bound):
    assert quantile_bound(value, BOUNDS) == bound


def test_quantile_bound_refuses_buckets_without_infinity():
    with pytest.raises(ValueError, match=r"\+Inf"):
        quantile_bound(1.0, (10.0, 100.0))


def test_histogram_quantile_stays_in_the_bucket_of_the_nearest_rank():
    """The theorem the tolerance rests on, over many small histograms."""
    rng = random.Random(12)
    for _ in range(500):
        values = sorted(rng.choice([rng.uniform(0, 2000), 10.0, 100.0, 1000.0]) for _ in range(rng.randint(1, 25)))
        buckets = {bound: float(sum(v <= bound for v in values)) for bound in BOUNDS}
        for percent in (50, 95, 99):
            true = values[-(-len(values) * percent // 100) - 1]
            low, high = quantile_bound(true, BOUNDS)
            assert low <= histogram_quantile(percent / 100, buckets) <= high


def test_a_q_outside_of_0_to_1_is_answered_before_anything_else():
    assert histogram_quantile(-0.1, {1.0: 3.0}) == -math.inf
    assert histogram_quantile(1.1, {}) == math.inf


def test_two_spellings_of_a_bound_are_one_bucket_and_no_number_is_none():
    assert buckets_of([("1", 2.0), ("1.0", 3.0), ("many", 9.0), ("+Inf", 5.0)]) == {1.0: 5.0, math.inf: 5.0}


def test_a_sum_leaves_out_what_is_not_there_and_keeps_what_rounding_loses():
    assert vector_sum([None, 1.0, None, 2.0]) == 3.0
    assert vector_sum([1e100, 1.0, -1e100]) == 1.0
    assert vector_sum([None]) is None
    assert vector_sum([1e308, 1e308]) == math.inf


def test_a_maximum_is_a_number_if_one_is_there():
    assert vector_max([math.nan, 1.0, None, 3.0, math.nan, 2.0]) == 3.0
    assert math.isnan(vector_max([math.nan]))
    assert vector_max([]) is None


@pytest.mark.parametrize(
    ("part", "whole", "ratio"),
    [(1.0, 4.0, 0.25), (None, 4.0, 0.0), (1.0, None, None), (0.0, 0.0, None), (1.0, math.nan, None)],
    ids=["both", "never failed", "nothing deployed", "no deployment in the window", "NaN"],
)
def test_the_guarded_ratio(part, whole, ratio):
    assert guarded_ratio(part, whole) == ratio
