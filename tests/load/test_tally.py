"""Counting and timing: errors stay in, wrong answers stay out, examples are few."""

import pytest
from hdrh.histogram import HdrHistogram

from fawkes.load.tally import Outcome, Tally


def histogram(results, name):
    return HdrHistogram.decode(results[name]["histogram_b64"])


def test_each_kind_and_all_together():
    tally = Tally(["a", "b"])
    for kind, outcome, latency_s in [
        ("a", Outcome.OK, 0.010),
        ("a", Outcome.WRONG, 0.001),
        ("b", Outcome.ERROR, 0.020),
        ("b", Outcome.TIMEOUT, 10.0),
    ]:
        tally.add(kind, outcome, latency_s, query="q", reason="r")
    results = tally.results()
    assert {key: results["all"][key] for key in ("ok", "wrong", "error", "timeout")} == {
        "ok": 1,
        "wrong": 1,
        "error": 1,
        "timeout": 1,
    }
    # The wrong one, the fastest, is not in the distribution; the time-out is.
    assert histogram(results, "all").get_total_count() == 3
    assert histogram(results, "all").get_min_value() == pytest.approx(10_000, rel=1e-3)
    assert histogram(results, "all").get_max_value() == pytest.approx(10_000_000, rel=1e-3)
    assert histogram(results, "a").get_total_count() == 1
    assert histogram(results, "b").get_total_count() == 2


@pytest.mark.parametrize(("latency_s", "kept_us"), [(1e-9, 1), (-0.001, 1), (3600.0, 60_000_000)])
def test_what_is_out_of_range_is_kept_at_its_edge(latency_s, kept_us):
    tally = Tally(["a"])
    tally.add("a", Outcome.OK, latency_s, query="q", reason="")
    assert histogram(tally.results(), "a").get_max_value() == pytest.approx(kept_us, rel=1e-3)


def test_examples_are_few_and_of_each_outcome():
    tally = Tally(["a"])
    for n in range(20):
        tally.add("a", Outcome.TIMEOUT, 1.0, query=f"slow {n}", reason="no answer")
    tally.add("a", Outcome.WRONG, 1.0, query="lie", reason="expected 1, got 2")
    tally.add("a", Outcome.OK, 1.0, query="fine", reason="")
    examples = tally.results()["all"]["examples"]
    assert len(examples) == 6
    assert examples[0] == {"outcome": "wrong", "query": "lie", "reason": "expected 1, got 2"}
