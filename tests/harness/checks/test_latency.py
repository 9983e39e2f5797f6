"""Latency and answers, judged from hand-made records: limits, void loads, thin or missing data."""

import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fawkes.harness.checks.latency import (
    AnswersExpectation,
    LatencyExpectation,
    check_answers,
    check_latency,
    percentile_us,
)
from fawkes.harness.model import History, Record, Stage, Verdict

EXAMPLE = {"outcome": "wrong", "query": "up", "reason": "expected 1, got 2"}


def histogram(values_s):
    it = HdrHistogram(1, 60_000_000, 3)
    for value_s in values_s:
        it.record_value(round(value_s * 1e6))
    return it


def latency(values_s, query="all", wrong=0, error=0, timeout=0, **changed):
    """Of the timed values, `error` and `timeout` are those that failed; wrong ones were never timed."""
    data = {
        "name": "query_load",
        "query": query,
        "histogram_b64": histogram(values_s).encode().decode(),
        "ok": len(values_s) - error - timeout,
        "wrong": wrong,
        "error": error,
        "timeout": timeout,
        "examples": [EXAMPLE] * bool(wrong),
        **changed,
    }
    return Record(0.0, 0.0, "latency", data)


def load(offered, achieved=None, lag_s=0.001, name="query_load", **more):
    achieved = offered if achieved is None else achieved
    data = {"name": name, "offered": offered, "achieved": achieved, "rate_per_s": 20.0, "send_lag_p99_s": lag_s}
    return Record(0.0, 0.0, "load", data | more)


def judge(*records, **fields):
    slo = {"p50": "100ms", "p95": "300ms", "p99": "500ms"}
    expect = LatencyExpectation.model_validate({"name": "fast", "slo_source": "a wish", **slo, **fields})
    return check_latency(expect, History(records))


FAST = [0.05] * 195 + [0.2] * 5


def test_within_every_promise_passes():
    finding = judge(load(200), latency(FAST))
    assert finding.verdict is Verdict.PASS
    assert finding.observed["p50_s"] == pytest.approx(0.05, rel=1e-3)
    assert finding.expected["slo_source"] == "a wish"
    assert len(finding.evidence) == 4


@pytest.mark.parametrize(
    ("values_s", "named"),
    [
        ([0.35] * 200, "p50"),
        ([0.05] * 180 + [0.4] * 20, "p95"),
        ([0.05] * 197 + [0.9] * 3, "p99"),
    ],
)
def test_a_percentile_above_its_promise_fails_at_thanos(values_s, named):
    finding = judge(load(200), latency(values_s))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.THANOS)
    assert f"{named} is" in finding.reason


def test_an_unpromised_percentile_is_not_judged():
    values_s = [0.05] * 150 + [9.0] * 50
    assert judge(load(200), latency(values_s), p95=None, p99=None).verdict is Verdict.PASS


def test_errors_fail_unless_tolerated_and_stay_in_the_distribution():
    record = latency([0.05] * 199 + [0.01], error=1)
    assert judge(load(200), record).verdict is Verdict.FAIL
    assert "1 errors" in judge(load(200), record).reason
    assert judge(load(200), record, errors_max=0.01).verdict is Verdict.PASS
    slow = latency([0.05] * 190 + [10.0] * 10, timeout=10)
    finding = judge(load(200), slow, errors_max=0.1)
    assert finding.verdict is Verdict.FAIL
    assert "p99 is 10" in finding.reason


@pytest.mark.parametrize("values_s", [FAST, [5.0] * 200], ids=["would pass", "would fail"])
@pytest.mark.parametrize(
    "void",
    [
        [load(200, achieved=150)],
        [load(200, lag_s=0.06)],
        [load(200, foreign_cores=0.6, cores=2)],
        [load(200), load(100_000, achieved=90_000, lag_s=None, name="scrape_load")],
        [load(300)],
        [],
    ],
    ids=["sent less", "sent late", "noisy machine", "scraped less", "requests missing", "no load on record"],
)
def test_under_a_void_load_nothing_is_judged(values_s, void):
    finding = judge(*void, latency(values_s))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.LOAD)


def test_the_lag_is_held_against_the_promise_at_p99():
    assert judge(load(200, lag_s=0.04), latency(FAST)).verdict is Verdict.PASS
    assert judge(load(200, lag_s=0.04), latency(FAST), p99="300ms").verdict is Verdict.INCONCLUSIVE


def test_without_a_p99_the_lag_is_held_against_the_loosest_promise():
    assert judge(load(200, lag_s=0.02), latency(FAST), p99=None).verdict is Verdict.PASS
    assert judge(load(200, lag_s=0.04), latency(FAST), p99=None).verdict is Verdict.INCONCLUSIVE
    assert judge(load(200, lag_s=0.02), latency(FAST), p95=None, p99=None).verdict is Verdict.INCONCLUSIVE


def test_a_quiet_machine_voids_nothing():
    assert judge(load(200, foreign_cores=0.4, cores=2), latency(FAST)).verdict is Verdict.PASS


def test_wrong_answers_are_left_out_and_accounted_for():
    assert judge(load(205), latency(FAST, wrong=5)).verdict is Verdict.PASS
    all_wrong = judge(load(200), latency([], wrong=200))
    assert all_wrong.verdict is Verdict.INCONCLUSIVE
    assert "too few" in all_wrong.reason


def test_no_record_is_inconclusive():
    assert judge().verdict is Verdict.INCONCLUSIVE
    assert judge(load(200)).verdict is Verdict.INCONCLUSIVE
    assert judge(load(200), latency(FAST), query="shard_sum").verdict is Verdict.INCONCLUSIVE


def test_too_few_values_have_no_p99():
    assert judge(load(99), latency([0.01] * 99)).verdict is Verdict.INCONCLUSIVE
    assert "at least 100" in judge(load(99), latency([0.01] * 99)).reason
    assert judge(load(99), latency([0.01] * 99), p99=None).verdict is Verdict.PASS


@pytest.mark.parametrize("damaged", ["", "nonsense", "HISTFAAAAB542pNpmSzMwMDAxAABzFCaEUzOgAAA"])
def test_a_damaged_histogram_is_inconclusive(damaged):
    finding = judge(load(200), latency(FAST, histogram_b64=damaged))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_a_histogram_that_disagrees_with_the_counts_is_inconclusive():
    assert judge(load(200), latency(FAST[:100], ok=200)).verdict is Verdict.INCONCLUSIVE


def test_one_kind_of_query_alone():
    records = load(400), latency(FAST * 2), latency([0.05] * 200, "stable_range"), latency([2.0] * 200, "count_all")
    assert judge(*records, query="stable_range").verdict is Verdict.PASS
    assert judge(*records, query="count_all").verdict is Verdict.FAIL


def test_runs_of_the_same_load_are_taken_together():
    finding = judge(load(200), load(200), latency([0.05] * 200), latency([0.2] * 200), p50="100ms", p95=None, p99=None)
    assert finding.observed["p50_s"] == pytest.approx(0.05, rel=1e-3)
    assert finding.observed["ok"] == 400


@pytest.mark.parametrize(
    "wrong", [{"p50": None, "p95": None, "p99": None}, {"slo_source": ""}, {"p50": 0.1}, {"errors_max": 2}]
)
def test_an_expectation_that_promises_nothing_clear_is_refused(wrong):
    with pytest.raises(ValidationError):
        judge(load(200), latency(FAST), **wrong)


@given(st.lists(st.integers(1, 50_000_000), min_size=1, max_size=300), st.sampled_from([50, 95, 99]))
def test_percentiles_are_nearest_rank_within_the_histograms_digits(values_us, percent):
    it = HdrHistogram(1, 60_000_000, 3)
    for value_us in values_us:
        it.record_value(value_us)
    exact = sorted(values_us)[-(-len(values_us) * percent // 100) - 1]
    assert exact <= percentile_us(it, percent) <= exact * 1.001


def answers(*records):
    return check_answers(AnswersExpectation(name="right"), History(records))


def test_all_right_passes():
    finding = answers(latency(FAST), latency(FAST, "stable_range"), latency([0.1], "count_all"))
    assert finding.verdict is Verdict.PASS
    assert "201 answers" in finding.reason


def test_one_wrong_answer_fails_at_thanos_with_an_example():
    finding = answers(latency(FAST, wrong=1), latency(FAST, "stable_range"), latency([0.1], "count_all", wrong=1))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.THANOS)
    assert "1 of 202 answers were wrong; up: expected 1, got 2" in finding.reason


def test_a_kind_that_was_never_answered_is_inconclusive():
    finding = answers(latency(FAST), latency([0.1], "stable_range"), latency([10.0], "count_all", timeout=1))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "count_all" in finding.reason


def test_wrong_outweighs_never_answered():
    assert answers(latency([], "a", wrong=1), latency([], "b")).verdict is Verdict.FAIL


def test_without_answers_nothing_is_right():
    assert answers().verdict is Verdict.INCONCLUSIVE
    assert answers(latency(FAST)).verdict is Verdict.INCONCLUSIVE
