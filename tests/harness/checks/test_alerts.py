import math

import pytest

from fawkes.harness.checks.alerts import AlertTimelineExpectation, Outage, check_alert_timeline, find_outage
from fawkes.harness.model import History, Record, Stage, Verdict

# The clock runs 60 times as fast: evaluations and scrapes of 30 s every 0.5 s, `for: 5m` takes 5 s.
EVALUATION_S, SCRAPE_S = 0.5, 0.5
KILLED_S, REVIVED_S = 1000.1, 1010.3
DOWN_S, UP_S = 1000.4, 1010.4
EXPECT = AlertTimelineExpectation(
    name="timeline", alert="PlatformServiceDown", labels={"job": "jenkins"}, fault_part="jenkins-0"
)
FAULTS = [
    ("fault", {"action": "stop", "part": "jenkins-0", "began_s": KILLED_S, "ended_s": KILLED_S + 0.01}),
    ("fault", {"action": "start", "part": "jenkins-0", "began_s": REVIVED_S - 0.2, "ended_s": REVIVED_S}),
]
# The whole story on one replica: evaluations at 1000.6 + k/2.
PENDING = (1000.6, 1005.1)
FIRING = (1005.6, 1010.1)


def span(first_s, last_s):
    """Evaluations from the first to the last, both included."""
    count = round((last_s - first_s) / EVALUATION_S) + 1
    return [[round(first_s + k * EVALUATION_S, 3), 1.0] for k in range(count)]


def up(down_s=DOWN_S, up_s=UP_S):
    times = [round(995.4 + k * SCRAPE_S, 3) for k in range(50)]
    return [[t, 0.0 if down_s <= t < up_s else 1.0] for t in times]


def replica(part="core-0", *, up=None, pending=(PENDING,), firing=(FIRING,), missed=0.0, promtool=0, predict=True):
    about = {"expectation": "timeline", "source": part, "query": "q"}
    alert = {"__name__": "ALERTS", "alertname": "PlatformServiceDown", "job": "jenkins"}
    targets = [globals()["up"]()] if up is None else up
    series = [("pending", runs) for runs in [pending] if runs] + [("firing", runs) for runs in [firing] if runs]
    records = [
        ("value", about | {"stage": "prometheus", "value": len(targets)}),
        *(("series", about | {"stage": "prometheus", "labels": {"job": "jenkins"}, "samples": s}) for s in targets),
        ("value", about | {"stage": "rule", "value": len(series)}),
        *(
            (
                "series",
                about
                | {
                    "stage": "rule",
                    "labels": alert | {"alertstate": state},
                    "samples": [sample for run in runs for sample in span(*run)],
                },
            )
            for state, runs in series
        ),
        ("value", about | {"stage": "harness", "value": missed}),
    ]
    return records + ([prediction(part, promtool)] if predict else [])


def prediction(part="core-0", promtool=0, transitions=((60, "pending"), (360, "firing"), (660, "inactive"))):
    return (
        "prediction",
        {
            "expectation": "timeline",
            "source": part,
            "transitions": [list(t) for t in transitions],
            "for_s": 300.0,
            "keep_firing_for_s": 0.0,
            "clock_factor": 60.0,
            "evaluation_interval_s": EVALUATION_S,
            "scrape_interval_s": SCRAPE_S,
            "promtool_exit": promtool,
            "promtool_output": "FAILED:\n    alertname: PlatformServiceDown" if promtool else "SUCCESS",
        },
    )


def judge(*records):
    return check_alert_timeline(EXPECT, History([Record(0.0, 0.0, kind, data) for kind, data in records]))


def test_passes_when_every_replica_keeps_the_predicted_times():
    finding = judge(*FAULTS, *replica("core-0"), *replica("core-1"))
    assert finding.verdict is Verdict.PASS
    assert finding.stage is None
    assert finding.observed["core-1"] == {
        "pending after down": 0.2,
        "firing after pending": 5.0,
        "inactive after up": 0.2,
        "longest gap between evaluations": 0.5,
    }
    assert finding.expected["live_s"]["firing after pending"] == [5.0, 5.5]
    assert finding.tolerance.value == 1.0
    assert "0.5 s" in finding.tolerance.source


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"pending": [(1000.6, 1004.1)], "firing": [(1004.6, 1010.1)]},
            "firing after pending is 4.000 s, not 5 to 5.5",
        ),
        (
            {"pending": [(1000.6, 1006.1)], "firing": [(1006.6, 1010.1)]},
            "firing after pending is 6.000 s, not 5 to 5.5",
        ),
        ({"pending": [(1001.6, 1006.1)], "firing": [(1006.6, 1010.1)]}, "pending after down is 1.200 s, not 0 to 1 s"),
        ({"firing": [(1005.6, 1012.1)]}, "inactive after up is 2.200 s, not 0 to 1 s"),
        ({"firing": [(1005.6, 1008.1)]}, "inactive after up is -1.800 s, not 0 to 1 s"),
        ({"firing": [(1005.6, 1007.1), (1008.6, 1010.1)]}, "longest gap between evaluations is 1.500 s"),
        ({"pending": [(1000.6, 1010.1)], "firing": None}, "was pending but never fired"),
        ({"pending": None, "firing": None}, "was neither pending nor firing"),
        ({"firing": [(998.1, 998.6), FIRING]}, "fired 2.300 s before its target was down"),
    ],
)
def test_fails_at_the_rule_when_the_alert_keeps_other_times(change, reason):
    finding = judge(*FAULTS, *replica("core-0"), *replica("core-1", **change))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert finding.reason.startswith("core-1: ")
    assert reason in finding.reason


def test_fails_when_an_outage_shorter_than_for_fires():
    records = [*FAULTS, *replica(predict=False), prediction(transitions=((60, "pending"), (300, "inactive")))]
    finding = judge(*records)
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert "shorter than the rule's `for`" in finding.reason


def test_passes_when_an_outage_shorter_than_for_stays_pending():
    records = replica(up=[up(up_s=1004.4)], pending=[(1000.6, 1004.1)], firing=None, predict=False)
    finding = judge(*FAULTS, *records, prediction(transitions=((60, "pending"), (300, "inactive"))))
    assert finding.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        ([], "has no samples"),
        ([up(math.inf)], "did not fall to 0"),
        ([up(995.4, 999.4)], "did not fall to 0"),
        ([up(DOWN_S, math.inf)], "did not return to 1"),
    ],
)
def test_fails_at_prometheus_when_the_fault_is_not_seen_there(targets, reason):
    finding = judge(*FAULTS, *replica(up=targets))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert reason in finding.reason


def test_a_pending_alert_while_the_platform_starts_is_not_the_one():
    started = [[t, 0.0 if t < 997 or DOWN_S <= t < UP_S else 1.0] for t, _ in up()]
    finding = judge(*FAULTS, *replica(up=[started], pending=[(996.1, 997.1), PENDING]))
    assert finding.verdict is Verdict.PASS


def test_missed_evaluations_that_explain_a_deviation_make_it_inconclusive():
    late = {"pending": [(1000.6, 1006.1)], "firing": [(1006.6, 1010.1)]}
    finding = judge(*FAULTS, *replica(missed=2.0, **late))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "missed 2 evaluations" in finding.reason
    early = {"pending": [(1000.6, 1003.1)], "firing": [(1003.6, 1010.1)]}
    assert judge(*FAULTS, *replica(missed=2.0, **early)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "no prometheus-core was ever asked"),
        ([*FAULTS], "no prometheus-core was ever asked"),
        ([*replica()], "no record that jenkins-0 was killed"),
        ([FAULTS[0], *replica()], "no record that jenkins-0 was started again"),
        ([*FAULTS, *replica(predict=False)], "no prediction for core-0"),
        ([*FAULTS, *replica(promtool=1)], "promtool contradicts"),
        ([*FAULTS, *replica(up=[up(), up()])], "match 2 series"),
        (
            [*FAULTS, ("value", {"expectation": "timeline", "stage": "prometheus", "source": "core-0", "value": None})],
            "core-0 gave no answer",
        ),
        ([*FAULTS, *replica()[:2], prediction()], "core-0 gave no answer about the rule stage"),
    ],
)
def test_is_inconclusive_without_data(records, reason):
    finding = judge(*records)
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert reason in finding.reason


def test_a_failing_replica_outweighs_one_that_cannot_tell():
    finding = judge(*FAULTS, *replica("core-0", promtool=1), *replica("core-1", pending=None, firing=None))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)


def test_the_outage_is_the_longest_run_of_zeros():
    assert find_outage([]) is None
    assert find_outage([[1, 1.0]]) is None
    assert find_outage([[1, 0.0], [2, 1.0], [3, 0.0], [4, 0.0], [5, 1.0]]) == Outage(3, 5)
    assert find_outage([[1, 0.0], [9, 1.0], [10, 0.0]]) == Outage(10, None)
