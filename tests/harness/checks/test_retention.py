"""Retention, judged from hand-made histories: hourly samples over 10 days, blocks of 6 hours, 3 days kept."""

import pytest

from fawkes.harness.checks.retention import RetentionExpectation, check_retention
from fawkes.harness.model import History, Record, Stage, Verdict

HOUR, DAY = 3600, 86400
NEWEST = 1_700_000_000 // HOUR * HOUR
NOW = NEWEST + 600.0
WIDTH = 6 * HOUR
TIMES = range(NEWEST - 10 * DAY, NEWEST + 1, HOUR)
LABELS = {"run_id": "r1", "app": "prometheus-core", "series": "0", "samples": str(len(TIMES))}
EXPECT = RetentionExpectation(name="core", app="prometheus-core", keeps="3d")
PARTS = ("prometheus-core-0", "prometheus-core-1")


def value(at_s):
    return (at_s % 977) / 1024


def samples(since_s, until_s=NOW):
    return [[t, value(t)] for t in TIMES if since_s <= t <= until_s]


def record(kind, **data):
    return Record(NOW, 1.0, kind, data)


def forged(part, times=TIMES):
    return record(
        "forged",
        part=part,
        app="prometheus-core",
        metric="fawkes_forged",
        series=[{"labels": LABELS, "samples": [[t, value(t)] for t in times]}],
        min_s=times[0],
        max_s=times[-1],
        blocks=40,
        block_width_s=WIDTH,
    )


def answer(stage, source, *series, extra=None):
    where = {"expectation": "core", "stage": stage, "source": source, "query": "q"}
    labels = {"__name__": "fawkes_forged", **LABELS, **(extra or {})}
    return [
        record("value", **where, value=len(series)),
        *(record("series", **where, labels=labels, samples=one) for one in series),
    ]


KEPT, ALL = samples(NOW - 3 * DAY - WIDTH / 2), samples(0)


def history(local=KEPT, thanos=(ALL,), **changes):
    records = [forged(part) for part in PARTS]
    for part in PARTS:
        records += answer("prometheus", part, *([changes.get(part, local)] if changes.get(part, local) else []))
    records += answer("thanos", "thanos-query-0", *thanos, extra={"prometheus": "fawkes-monitoring/core"})
    return History(records)


def test_what_was_promised_passes_and_says_its_tolerance():
    finding = check_retention(EXPECT, history())
    assert finding.verdict is Verdict.PASS, finding.reason
    assert finding.stage is None
    assert [seen.source for seen in finding.evidence] == [*PARTS, "thanos-query-0"]
    assert (finding.tolerance.value, finding.tolerance.unit) == (WIDTH + 600.0, "s")


@pytest.mark.parametrize("since_s", [NOW - 3 * DAY, NEWEST - 3 * DAY - WIDTH])
def test_both_edges_of_the_tolerance_pass(since_s):
    assert check_retention(EXPECT, history(local=samples(since_s))).verdict is Verdict.PASS


def test_a_day_too_short_fails_at_prometheus():
    # The most a block's width can hide: everything after the limit of 2 days, and one whole block before it.
    finding = check_retention(EXPECT, history(local=samples(NEWEST - 2 * DAY - WIDTH)))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason == "prometheus-core-0 lacks 17 of the 72 samples of the last 3d"
    assert finding.expected["prometheus-core-0"] == {"missing": 0, "too_old": 0, "wrong": 0, "foreign": 0}
    assert finding.observed["prometheus-core-0"] == {"missing": 17, "too_old": 0, "wrong": 0, "foreign": 0}


def test_a_day_too_long_fails_at_prometheus():
    finding = check_retention(EXPECT, history(local=samples(NEWEST - 4 * DAY)))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert "still has 18 samples beyond its limit" in finding.reason


def test_one_replica_is_enough_to_fail():
    finding = check_retention(EXPECT, history(**{"prometheus-core-1": samples(NOW - DAY)}))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason.startswith("prometheus-core-1 lacks")


def wrong_value(series):
    return [*series[:-1], [series[-1][0], series[-1][1] + 2**-10]]


@pytest.mark.parametrize(
    ("thanos", "reason"),
    [
        ([], "lacks 241 of the 241 samples that were forged"),
        ([samples(NOW - 3 * DAY)], "lacks 169 of the 241"),
        ([samples(0)[:-1]], "lacks 1 of the 241"),
        ([wrong_value(samples(0))], "answers 1 samples with a wrong value"),
        ([samples(0), samples(0)], "answers 241 samples twice"),
        ([[*samples(0), [NOW, 1.0]]], "answers 1 samples twice or that were never written"),
    ],
)
def test_thanos_must_have_every_sample_once_and_exactly(thanos, reason):
    finding = check_retention(EXPECT, history(thanos=thanos))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.THANOS)
    assert reason in finding.reason


def test_a_wrong_value_locally_fails_at_prometheus():
    finding = check_retention(EXPECT, history(local=wrong_value(samples(NOW - 3 * DAY))))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)


def test_an_empty_answer_and_no_answer_fail():
    assert check_retention(EXPECT, history(local=[])).stage is Stage.PROMETHEUS
    silent = record("value", expectation="core", stage="thanos", source="thanos-query-0", query="q", value=None)
    finding = check_retention(EXPECT, History([*history().records, silent]))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.THANOS)
    assert finding.reason == "thanos-query-0 did not answer"


def test_thanos_can_be_left_out():
    local_only = EXPECT.model_copy(update={"thanos": False})
    records = [r for r in history().records if r.data.get("stage") != "thanos"]
    assert check_retention(local_only, History(records)).verdict is Verdict.PASS
    assert check_retention(EXPECT, History(records)).verdict is Verdict.INCONCLUSIVE


def test_nothing_forged_nothing_asked_and_too_short_a_history_are_inconclusive():
    records = history().records
    nothing_forged = [r for r in records if r.kind != "forged"]
    nothing_asked = [r for r in records if r.kind == "forged"]
    too_short = [forged(part, TIMES[-72:]) for part in PARTS] + nothing_forged
    for some in ([], nothing_forged, nothing_asked, too_short):
        finding = check_retention(EXPECT, History(some))
        assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
