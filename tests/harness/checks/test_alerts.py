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
        *(
            ("series", about | {"stage": "prometheus", "labels": {"__name__": "up", "job": "jenkins"}, "samples": s})
            for s in targets
        ),
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


STORY = ((300, "pending"), (600, "firing"), (900, "inactive"))


def prediction(part="core-0", promtool=0, transitions=STORY, **changed):
    return (
        "prediction",
        {
            "expectation": "timeline",
            "source": part,
            "origin_s": 995.4,
            "timelines": [{"labels": {"job": "jenkins"}, "transitions": [list(t) for t in transitions]}],
            "for_s": 300.0,
            "clock_factor": 60.0,
            "evaluation_interval_s": EVALUATION_S,
            "scrape_interval_s": SCRAPE_S,
            "promtool_exit": promtool,
            "promtool_output": "FAILED:\n    alertname: PlatformServiceDown" if promtool else "SUCCESS",
        }
        | changed,
    )


def judge(*records):
    return check_alert_timeline(EXPECT, History([Record(0.0, 0.0, kind, data) for kind, data in records]))


def test_passes_when_every_replica_keeps_the_predicted_times():
    finding = judge(*FAULTS, *replica("core-0"), *replica("core-1"))
    assert finding.verdict is Verdict.PASS
    assert finding.stage is None
    assert finding.observed["core-1"] == {
        "pending after its cause": 0.2,
        "firing after pending": 5.0,
        "inactive after its end": 0.2,
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
        (
            {"pending": [(1001.6, 1006.1)], "firing": [(1006.6, 1010.1)]},
            "pending after its cause is 1.200 s, not 0 to 1 s",
        ),
        ({"firing": [(1005.6, 1012.1)]}, "inactive after its end is 2.200 s, not 0 to 1 s"),
        ({"firing": [(1005.6, 1008.1)]}, "inactive after its end is -1.800 s, not 0 to 1 s"),
        (
            {"firing": [(1005.6, 1007.1), (1008.1, 1010.1)]},
            "was pending -> firing -> inactive -> firing -> inactive, not pending -> firing -> inactive",
        ),
        ({"pending": [(1000.6, 1010.1)], "firing": None}, "was pending -> inactive, not pending -> firing -> inactive"),
        ({"pending": None, "firing": None}, "was never active, not pending -> firing -> inactive"),
    ],
)
def test_fails_at_the_rule_when_the_alert_keeps_other_times(change, reason):
    finding = judge(*FAULTS, *replica("core-0"), *replica("core-1", **change))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert finding.reason.startswith("core-1: ")
    assert reason in finding.reason


SHORT = ((300, "pending"), (540, "inactive"))


def judge_short(*records):
    goes = EXPECT.model_copy(update={"goes": ("pending", "inactive")})
    return check_alert_timeline(goes, History([Record(0.0, 0.0, kind, data) for kind, data in records]))


def test_fails_when_an_outage_shorter_than_for_fires():
    records = replica(up=[up(up_s=1004.4)], pending=[(1000.6, 1002.1)], firing=[(1002.6, 1004.1)], predict=False)
    finding = judge_short(*FAULTS, *records, prediction(transitions=SHORT))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.RULE)
    assert "was pending -> firing -> inactive, not pending -> inactive" in finding.reason


def test_passes_when_an_outage_shorter_than_for_stays_pending():
    records = replica(up=[up(up_s=1004.4)], pending=[(1000.6, 1004.1)], firing=None, predict=False)
    assert judge_short(*FAULTS, *records, prediction(transitions=SHORT)).verdict is Verdict.PASS


def test_a_scenario_that_leads_elsewhere_than_it_claims_is_inconclusive():
    finding = judge_short(*FAULTS, *replica())
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "correct the scenario" in finding.reason


def test_an_alert_that_flaps_must_flap_as_predicted():
    twice = ((300, "pending"), (420, "inactive"), (600, "pending"), (720, "inactive"))
    goes = EXPECT.model_copy(update={"goes": ("pending", "inactive") * 2, "fault_part": None})
    runs = [(1000.6, 1002.1), (1005.6, 1007.1)]

    def judged(pending):
        records = [*replica(pending=pending, firing=None, predict=False), prediction(transitions=twice)]
        return check_alert_timeline(goes, History([Record(0.0, 0.0, kind, data) for kind, data in records]))

    finding = judged(runs)
    assert finding.verdict is Verdict.PASS
    assert finding.observed["core-0"]["pending after its cause (2)"] == 0.2
    late = judged([runs[0], (1006.6, 1007.1)])
    assert (late.verdict, late.stage) == (Verdict.FAIL, Stage.RULE)
    assert "pending after its cause (2) is 1.200 s" in late.reason


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
    whole = ((0, "pending"), (120, "inactive"), *STORY)
    records = [*replica(up=[started], pending=[(996.1, 997.1), PENDING], predict=False), prediction(transitions=whole)]
    finding = judge(*FAULTS, *records)
    assert finding.verdict is Verdict.PASS


def test_missed_evaluations_that_explain_a_deviation_make_it_inconclusive():
    late = {"pending": [(1000.6, 1006.1)], "firing": [(1006.6, 1010.1)]}
    finding = judge(*FAULTS, *replica(missed=2.0, **late))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "missed 2 evaluations" in finding.reason
    gap = judge(*FAULTS, *replica(missed=2.0, firing=[(1005.6, 1007.1), (1008.6, 1010.1)]))
    assert (gap.verdict, gap.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert judge(*FAULTS, *replica(missed=1.0, firing=[(1005.6, 1007.1), (1008.6, 1010.1)])).verdict is Verdict.FAIL
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
        ([*FAULTS, *replica(up=[up(), up()])], "match 2 targets"),
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


# --- alerts made by a scripted target -----------------------------------------------------------------------

MEMORY = {"__name__": "used_ratio", "pod": "node-exporter-0", "instance": "127.0.0.1:9100"}
SCRIPTED = EXPECT.model_copy(update={"fault_part": None, "exposed_part": "node-exporter-0", "labels": {}})
EXPOSED = (
    "exposed",
    {
        "part": "node-exporter-0",
        "began_s": 998.0,
        "clock_factor": 60.0,
        "silent": [],
        "series": [{"name": "used_ratio", "steps": [{"at": "0s", "value": 0.5}, {"at": "2m24s", "value": 0.9}, {"at": "12m24s", "value": 0.5}]}],
    },
)  # fmt: skip


def used(high=0.9):
    return [[t, high if DOWN_S <= t < UP_S else 0.5] for t, _ in up()]


def judge_scripted(samples, *records):
    about = {"expectation": "timeline", "source": "core-0", "query": "q", "stage": "prometheus"}
    series = [("series", about | {"labels": MEMORY, "samples": samples})] if samples else []
    stored = [("value", about | {"query": "used_ratio{}", "value": len(series)}), *series]
    rest = replica()[2:]
    return check_alert_timeline(
        SCRIPTED, History([Record(0.0, 0.0, kind, data) for kind, data in [*records, *stored, *rest]])
    )


def test_passes_when_the_script_was_stored_and_the_alert_followed():
    finding = judge_scripted(used(), EXPOSED)
    assert finding.verdict is Verdict.PASS, finding
    stored = [line for line in finding.evidence if line.stage is Stage.PROMETHEUS]
    assert [(line.observed, line.note) for line in stored] == [(50, "samples of used_ratio of node-exporter-0")]


def test_fails_at_prometheus_when_another_thing_was_stored_than_was_shown():
    finding = judge_scripted(used(high=0.95), EXPOSED)
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert "used_ratio was 0.95 144 s into the script, which showed 0.5 or 0.9" in finding.reason


def test_fails_at_prometheus_when_one_of_two_series_was_not_stored():
    data = EXPOSED[1] | {"series": [*EXPOSED[1]["series"], {"name": "limit", "steps": [{"at": "0s", "value": 1}]}]}
    asked = {"expectation": "timeline", "source": "core-0", "query": "limit{}", "stage": "prometheus", "value": 0}
    finding = judge_scripted(used(), ("exposed", data), ("value", asked))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert "limit of {} has no samples; node-exporter-0 showed it" in finding.reason


def test_fails_at_prometheus_when_nothing_was_stored():
    finding = judge_scripted([], EXPOSED)
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)


def test_is_inconclusive_without_the_script():
    finding = judge_scripted(used())
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_two_alerts_behind_one_expectation_are_inconclusive():
    two = [{"labels": {"job": job}, "transitions": [list(t) for t in STORY]} for job in ("a", "b")]
    finding = judge(*FAULTS, *replica(predict=False), prediction(timelines=two))
    assert "match several alerts" in finding.reason
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_an_alert_has_one_cause():
    with pytest.raises(ValueError, match="exclude each other"):
        AlertTimelineExpectation(name="x", alert="A", labels={}, fault_part="a", exposed_part="b")
