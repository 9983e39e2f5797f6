"""The port of Prometheus' arithmetic against worked cases of the formulas, and (slow) against Prometheus itself."""

import json
import math
import random
import subprocess
from itertools import pairwise

import pytest

from fawkes.harness.oracle.promql import histogram_quantile, increase, quantile_bound, rate
from fawkes.harness.toolchain.provide import provide

DAY_S = 86400
SCRAPE_S = 30
PHASE_S = 7  # scrapes at 7, 37, 67 ... s: the last one 23 s before the end of the day


def scraped(value_at, *, from_s=0, to_s=DAY_S):
    """What a scrape every 30 s sees of a counter, given its value as a function of time."""
    return [(float(t), float(value_at(t))) for t in range(PHASE_S, DAY_S, SCRAPE_S) if from_s <= t <= to_s]


def stepping(at_s, start=0):
    """A counter that begins at `start` and grows by one at each instant."""
    return lambda t: start + sum(t >= event_s for event_s in at_s)


FIVE = [7200, 20000, 40000, 60000, 80000]


def day(samples):
    return increase(samples, at_s=DAY_S, range_s=DAY_S)


def test_a_counter_that_covers_the_window_is_extrapolated_to_its_edges():
    assert day(scraped(stepping(FIVE, start=10))) == pytest.approx(5.0017367, abs=5e-8)


def test_a_counter_born_with_its_first_event_loses_that_event():
    assert day(scraped(stepping(FIVE), from_s=7200)) == pytest.approx(4.0019199, abs=5e-8)


def test_a_start_timestamp_stored_as_a_zero_sample_brings_the_first_event_back():
    born = [(7192.0, 0.0), *scraped(stepping(FIVE), from_s=7200)]
    assert day(born) == pytest.approx(5.0014523, abs=5e-8)


def test_a_single_deployment_of_a_new_counter_counts_zero():
    assert day(scraped(stepping([7200]), from_s=7200)) == 0.0


def test_a_counter_that_starts_at_zero_is_not_extrapolated_below_it():
    assert day(scraped(stepping([40000]))) == pytest.approx(1.0002663, abs=5e-8)


def test_a_reset_adds_what_was_counted_before_it():
    def restarted(t):
        return stepping(FIVE, start=10)(t) if t < 50000 else sum(50000 <= e <= t for e in FIVE)

    assert day(scraped(restarted)) == pytest.approx(5.0017367, abs=5e-8)


def test_an_exporter_that_shows_zero_before_it_has_replayed_counts_everything_twice():
    def dips(t):
        return 0 if 50000 <= t < 50060 else stepping(FIVE, start=40)(t)

    assert day(scraped(dips)) == pytest.approx(48.0166725, abs=5e-8)


def test_two_replicas_that_both_export_the_total_double_the_sum():
    one = day(scraped(stepping(FIVE, start=10)))
    assert one is not None
    assert 2 * one == pytest.approx(10.0034734, abs=5e-8)


def test_a_series_of_three_samples_is_stretched_by_half_an_interval_on_both_sides():
    samples = [(1000.0, 1.0), (1030.0, 2.0), (1060.0, 3.0)]
    assert increase(samples, at_s=3600, range_s=3600) == 3.0


def test_rate_is_per_second_so_five_deployments_a_day_read_almost_nothing():
    per_second = rate(scraped(stepping(FIVE, start=10)), at_s=DAY_S, range_s=DAY_S)
    assert per_second == pytest.approx(5.79e-05, rel=1e-3)


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


def random_series(rng):
    """A counter on a 15 s grid, as promtool stores it: born late, with gaps, resets and an early end."""
    value, samples = float(rng.choice([0, 1, 7, 2.5])), []
    for step in range(rng.randint(0, 15), 30 + rng.randint(0, 10)):
        value = 0.0 if rng.random() < 0.08 else value + rng.choice([0, 0, 1, 3, 0.25])
        if rng.random() > 0.2:
            samples.append((step * 15.0, value))
    return samples


def notation(samples):
    """promtool's input series: one value per 15 s, `_` where there is none."""
    by_step = {round(t / 15): v for t, v in samples}
    return " ".join(f"{by_step[step]!r}" if step in by_step else "_" for step in range(max(by_step, default=0) + 1))


@pytest.mark.platform
@pytest.mark.slow
def test_prometheus_computes_the_same_doubles(tmp_path):
    """promtool evaluates increase, rate and histogram_quantile itself and compares with ours: at most one ulp apart."""
    promtool = provide(["promtool"], progress=lambda line: None)["promtool"].path
    rng = random.Random(2026)
    groups = [group for number in range(60) for group in (_range_group(rng, number), _quantile_group(rng, number))]
    suite = tmp_path / "oracle.json"  # JSON is YAML
    suite.write_text(json.dumps({"fuzzy_compare": True, "evaluation_interval": "15s", "tests": groups}))
    done = subprocess.run([promtool, "test", "rules", str(suite)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _range_group(rng, number):
    samples = random_series(rng)
    at_s, range_s = rng.choice([300, 430, 451]), rng.choice([60, 150, 300, 307])
    tests = []
    for name, ours in (("increase", increase), ("rate", rate)):
        value = ours(samples, at_s=at_s, range_s=range_s)
        expected = [] if value is None else [{"labels": '{n="x"}', "value": value}]
        tests.append({"expr": f"{name}(c[{range_s}s])", "eval_time": f"{at_s}s", "exp_samples": expected})
    series = [{"series": 'c{n="x"}', "values": notation(samples) or "_"}]
    return {"name": f"range {number}", "interval": "15s", "input_series": series, "promql_expr_test": tests}


def _quantile_group(rng, number):
    counts = sorted(rng.choice([rng.randint(0, 30), rng.uniform(0, 30)]) for _ in range(4))
    if rng.random() < 0.2:
        counts[1], counts[2] = counts[2], counts[1]
    buckets = dict(zip(BOUNDS, counts, strict=True))
    quantiles = [q for q in (0.0, 0.5, 0.95, 1.0) if not math.isnan(histogram_quantile(q, buckets))]
    series = [
        {"series": f'h_bucket{{le="{"+Inf" if bound == math.inf else bound}"}}', "values": repr(count)}
        for bound, count in buckets.items()
    ]
    tests = [
        {
            "expr": f"histogram_quantile({q}, h_bucket)",
            "eval_time": "0s",
            "exp_samples": [{"labels": "{}", "value": histogram_quantile(q, buckets)}],
        }
        for q in quantiles
    ]
    return {"name": f"quantile {number}", "interval": "15s", "input_series": series, "promql_expr_test": tests}


def test_the_random_series_cover_what_they_are_meant_to():
    rng = random.Random(2026)
    many = [random_series(rng) for _ in range(60)]
    resets = sum(any(b < a for (_, a), (_, b) in pairwise(series)) for series in many)
    gaps = sum(any(b - a > 15 for (a, _), (b, _) in pairwise(series)) for series in many)
    assert resets > 20
    assert gaps > 40
