"""A defect of the ADR's rules, judged from hand-made histories: it must be there, and exactly as predicted."""

import math

import pytest

from fawkes.harness.checks.adr import AdrDefectExpectation, check_adr_defect
from fawkes.harness.model import History, Record, Stage, Verdict
from fawkes.harness.oracle.promql import rate

BEGAN_S, STEP_S, SAMPLES = 1_000_000.0, 60.0, 2000
AT_S = BEGAN_S + STEP_S * SAMPLES
LABELS = {"team": "a", "environment": "production"}
PER_DAY = "fawkes:dora:deployment_frequency:per_day"
STEPS = [{"at": "0s", "value": 3.0}, {"at": "60000s", "value": 8.0}]
TRUE_RATE = rate(
    [(BEGAN_S + STEP_S * n, 3.0 if n < 1000 else 8.0) for n in range(SAMPLES)], at_s=AT_S, range_s=24 * 3600
)


def expectation(**fields):
    defaults = {"defect": 1, "record": PER_DAY, "labels": LABELS, "recorded": 5.787e-5, "must_be": 5}
    return AdrDefectExpectation(name="d", **(defaults | fields))


def record(kind, **data):
    return Record(AT_S, 1.0, kind, data)


def forged(name="fawkes_deployment_total", labels=LABELS, steps=STEPS):
    series = [{"name": name, "labels": labels, "type": "gauge", "steps": steps}]
    return record("adr_rules", part="p", began_s=BEGAN_S, step_s=STEP_S, samples=SAMPLES, series=series)


def history(value, *, labels=LABELS, script=None):
    """What the rule recorded for the labels, and for another team; `...`: nothing for the labels."""
    other = record("recorded", expectation="d", source="p", labels={"team": "b"}, sample=[AT_S, 1.0])
    own = record("recorded", expectation="d", source="p", labels={"__name__": "x", **labels}, sample=[AT_S, value])
    asked = record("value", expectation="d", stage="rule", source="p", query="q", value=2)
    return History([script or forged(), asked, other, *([] if value is ... else [own])])


def test_the_predicted_wrong_value_is_the_defect():
    finding = check_adr_defect(expectation(), history(TRUE_RATE))
    assert finding.verdict is Verdict.PASS
    assert finding.reason == f"defect 1: {PER_DAY} is {TRUE_RATE}, as predicted, where 5.0 is right"


@pytest.mark.parametrize("value", [TRUE_RATE * (1 + 1e-8), 0.0, "NaN", ...])
def test_any_other_value_is_not(value):
    finding = check_adr_defect(expectation(), history(value))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert "was predicted" in finding.reason


def test_the_right_value_means_that_the_defect_is_gone():
    finding = check_adr_defect(expectation(), history(5.003))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert "the defect is not there" in finding.reason


def test_a_factor_takes_defect_1_out_of_another():
    finding = check_adr_defect(expectation(times=86400, recorded=5, must_be=4), history(TRUE_RATE))
    assert finding.verdict is Verdict.PASS


def test_nothing_recorded_where_nothing_is_predicted():
    rule = {"record": "fawkes:dora:change_failure_rate", "labels": {"team": "a"}, "recorded": None, "must_be": 0}
    finding = check_adr_defect(expectation(**rule), history(...))
    assert finding.verdict is Verdict.PASS
    assert check_adr_defect(expectation(**rule), history(0.0, labels={"team": "a"})).verdict is Verdict.FAIL


def test_no_number_where_none_is_predicted():
    buckets = forged("fawkes_lead_time_seconds_bucket", {"team": "a", "le": "3600"}, [{"at": "0s", "value": 3.0}])
    rule = {"record": "fawkes:dora:lead_time_seconds:p50", "labels": {"team": "a"}, "recorded": "NaN", "must_be": 1}
    finding = check_adr_defect(expectation(**rule), history("NaN", labels={"team": "a"}, script=buckets))
    assert finding.verdict is Verdict.PASS
    assert finding.observed == "NaN"


def test_an_oracle_that_contradicts_the_hand_value_proves_nothing():
    finding = check_adr_defect(expectation(recorded=5.7e-5), history(TRUE_RATE))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "one of the two is wrong" in finding.reason


def test_a_rule_that_was_never_seen_evaluated_is_inconclusive():
    whole = history(TRUE_RATE)
    asked = whole.of("value")[0]
    unanswered = record("value", **asked.data | {"value": None})
    nothing = record("value", **asked.data | {"value": 0})
    recorded = whole.of("recorded")
    for records in ([], [forged(), asked], [forged(), unanswered], [forged(), nothing], [asked, *recorded]):
        finding = check_adr_defect(expectation(), History(records))
        assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_the_hand_value_is_not_extrapolated():
    assert not math.isclose(TRUE_RATE, 5 / 86400, rel_tol=1e-9)
    assert math.isclose(TRUE_RATE, 5 / 86400, rel_tol=0.002)
