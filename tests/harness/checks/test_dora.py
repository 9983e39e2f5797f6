"""The two checks on hand-made records: what they accept, what they must reject, and where."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from fawkes.harness.checks.dora import (
    NAMES,
    DoraExpectation,
    EventLedgerExpectation,
    check_dora,
    check_event_ledger,
    event_source,
    histogram_query,
    in_bucket_of,
)
from fawkes.harness.model import History, Record, Stage, Verdict

HOUR_S, DAY_S = 3600, 86400
BEGAN_S, ENDED_S = 1_772_323_200.0, 1_772_323_260.0
SOURCE = event_source("run-1")
ORDER = ["store", "rest", "exporter", "prometheus", "rule", "thanos"]


def sent(number, kind, days, *, http=201, **data):
    """The record of one event, `days` before the run."""
    event = {
        "source": SOURCE,
        "id": f"run-1-{number}",
        "type": f"dev.fawkes.{kind}",
        "time": datetime.fromtimestamp(BEGAN_S - days * DAY_S, UTC).isoformat(),
        "data": {"team": "payments", "service": "checkout", "environment": "production", **data},
    }
    ack = {0: "lost", 201: "stored", 200: "duplicate"}.get(http, "refused")
    return Record(BEGAN_S + number, number, "event", {"event": event, "kind": kind, "status": http, "ack": ack})


def a_deployment_two_hours_after_its_commit(days=10):
    return [
        sent(1, "commit", days, sha="a"),
        sent(2, "deployment_completed", days - 2 / 24, deployment_id="d1", commit_sha="a", status="success"),
    ]


def expectation(**changes):
    fields = {"name": "lead time", "team": "payments", "metric": "lead_time_p50_s", "equals": 7200.0, **changes}
    return DoraExpectation(**fields)


def value(stage, seen, *, source=None, query=None, **more):
    data = {"expectation": "lead time", "stage": stage, "source": source or f"{stage}-0", "query": query or stage}
    return Record(ENDED_S, 60.0, "value", {**data, "value": seen, **more})


def seen_everywhere(number=7200.0, histogram=5400.0, *, rows=2, expect=None):
    """Every stage shows `number`; the histogram rules show `histogram`."""
    quantile = histogram_query(expect or expectation())
    records = [value("store", rows, event_source=SOURCE)]
    for stage in ORDER[1:]:
        records.append(value(stage, number))
        if quantile and stage in ("rule", "thanos"):
            records.append(value(stage, histogram, query=quantile))
    return records


def without(records, stage):
    return [r for r in records if r.data["stage"] != stage]


def judge(events, values, **changes):
    return check_dora(expectation(**changes), History([*events, *values]))


def test_the_same_value_everywhere_passes_with_evidence_from_every_stage():
    found = judge(a_deployment_two_hours_after_its_commit(), seen_everywhere())
    assert (found.verdict, found.stage, found.observed) == (Verdict.PASS, None, 7200.0)
    assert {o.stage.value for o in found.evidence} == {"event", *ORDER}
    assert all(o.ok for o in found.evidence)
    assert found.tolerance is not None
    assert found.tolerance.value == 0.0


@pytest.mark.parametrize("stage", ORDER[1:])
@pytest.mark.parametrize("wrong", [7200.000000000001, 0.0, None, [7200.0, 3600.0]])
def test_the_first_stage_that_differs_is_named(stage, wrong):
    later = ORDER[ORDER.index(stage) :]
    values = [value(r.data["stage"], wrong) if r.data["stage"] in later else r for r in seen_everywhere()]
    found = judge(a_deployment_two_hours_after_its_commit(), values)
    assert (found.verdict, found.stage, found.observed) == (Verdict.FAIL, Stage(stage), wrong)


def test_how_far_a_wrong_value_got_is_in_the_evidence():
    wrong = [value(r.data["stage"], 1.0) if r.data["stage"] in ("rule", "thanos") else r for r in seen_everywhere()]
    found = judge(a_deployment_two_hours_after_its_commit(), wrong)
    assert found.stage is Stage.RULE
    assert {line.stage for line in found.evidence if not line.ok} == {Stage.RULE, Stage.THANOS}


def test_every_line_of_the_evidence_says_what_it_is_a_value_of():
    found = judge(a_deployment_two_hours_after_its_commit(), seen_everywhere())
    subject = {"metric": "lead_time_p50_s", "team": "payments", "environment": "production", "window": "30d"}
    assert all(line.subject == subject for line in found.evidence)


def test_one_replica_that_differs_is_enough():
    values = [*seen_everywhere(), value("rule", 3600.0, source="prometheus-core-1")]
    found = judge(a_deployment_two_hours_after_its_commit(), values)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.RULE)
    assert "prometheus-core-1" in found.reason


def test_a_lost_row_fails_at_the_store():
    found = judge(a_deployment_two_hours_after_its_commit(), seen_everywhere(rows=1))
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.STORE)


@pytest.mark.parametrize(
    ("quantile", "verdict"), [(3600.0, Verdict.PASS), (7200.0, Verdict.PASS), (7200.1, Verdict.FAIL)]
)
def test_the_histogram_quantile_must_lie_in_the_bucket_of_the_true_value(quantile, verdict):
    found = judge(a_deployment_two_hours_after_its_commit(), seen_everywhere(histogram=quantile))
    assert found.verdict is verdict
    if verdict is Verdict.FAIL:
        assert found.stage is Stage.RULE
        assert "nearest-rank theorem" in found.reason


@pytest.mark.parametrize("status", [0, 409, 500])
def test_an_event_that_was_not_acknowledged_fails_at_the_event(status):
    events = [*a_deployment_two_hours_after_its_commit(), sent(3, "commit", 5, sha="b", http=status)]
    found = judge(events, seen_everywhere(rows=3))
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)
    assert "run-1-3" in found.reason


def test_a_duplicate_is_acknowledged_and_counts_once():
    events = [*a_deployment_two_hours_after_its_commit(), sent(1, "commit", 10, sha="a", http=200)]
    assert judge(events, seen_everywhere()).verdict is Verdict.PASS


def test_a_hand_value_the_events_do_not_give_fails_at_the_event():
    found = judge(a_deployment_two_hours_after_its_commit(), seen_everywhere(3600.0), equals=3600.0)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)
    assert "7200" in found.reason


def test_an_answer_that_depends_on_the_moment_of_the_run_is_inconclusive():
    on_the_edge = a_deployment_two_hours_after_its_commit(days=30 + 2 / 24 - 30 / DAY_S)
    found = judge(on_the_edge, seen_everywhere())
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "window edge" in found.reason


@pytest.mark.parametrize(
    ("events", "values"),
    [([], seen_everywhere()), (a_deployment_two_hours_after_its_commit(), []), ([], [])],
    ids=["no events", "never looked", "nothing"],
)
def test_without_data_it_is_inconclusive(events, values):
    assert judge(events, values).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_that_was_never_looked_at_is_inconclusive(stage):
    found = judge(a_deployment_two_hours_after_its_commit(), without(seen_everywhere(), stage))
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage(stage))


def test_stages_that_the_scenario_leaves_out_are_not_judged():
    values = [value("rest", 7200.0), value("thanos", 1.0)]
    assert judge(a_deployment_two_hours_after_its_commit(), values, stages=("rest",)).verdict is Verdict.PASS


def no_lead_time():
    """A deployment of a commit nobody reported."""
    return [sent(1, "deployment_completed", 5, deployment_id="d1", commit_sha="x", status="success")]


def test_no_data_must_be_null_everywhere():
    found = judge(no_lead_time(), seen_everywhere(None, None, rows=1), equals=None)
    assert found.verdict is Verdict.PASS


def test_zero_is_not_no_data():
    found = judge(no_lead_time(), seen_everywhere(0.0, None, rows=1), equals=None)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.REST)


def test_silence_is_not_the_null_that_was_expected():
    values = [value("rest", None, error="ConnectError: refused") if r.data["stage"] == "rest" else r
              for r in seen_everywhere(None, None, rows=1)]  # fmt: skip
    found = judge(no_lead_time(), values, equals=None)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.REST)
    assert "ConnectError" in found.reason


def test_other_expectations_values_are_not_taken_for_its_own():
    others = [Record(r.at_s, r.mono_s, r.kind, {**r.data, "expectation": "other"}) for r in seen_everywhere()]
    assert judge(a_deployment_two_hours_after_its_commit(), others).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("metric", sorted(NAMES))
def test_every_metric_can_be_judged(metric):
    events = [
        *a_deployment_two_hours_after_its_commit(),
        sent(3, "incident_created", 9.9, incident_id="i1", severity="high"),
        sent(4, "incident_resolved", 9.5, incident_id="i1"),
    ]
    truth = {
        "deployment_frequency_per_day": 1 / 30,
        "lead_time_p50_s": 7200.0,
        "lead_time_p95_s": 7200.0,
        "change_failure_ratio": 1.0,
        "failed_deployment_recovery_p50_s": 10 * HOUR_S,
        "time_to_restore_p50_s": 0.4 * DAY_S,
    }[metric]
    expect = expectation(metric=metric, equals=truth)
    values = seen_everywhere(truth, expect=expect, rows=4)
    assert check_dora(expect, History([*events, *values])).verdict is Verdict.PASS


@pytest.mark.parametrize("wrong", [{"metric": "lead_time"}, {"window": "7d"}, {"stages": ()}, {"stages": ("bucket",)}])
def test_a_wrong_expectation_is_refused(wrong):
    with pytest.raises(ValidationError):
        expectation(**wrong)


def test_the_hand_value_is_required():
    with pytest.raises(ValidationError, match="equals"):
        DoraExpectation(name="x", team="payments", metric="lead_time_p50_s")


@pytest.mark.parametrize(
    ("true_value", "quantile", "right"), [(None, None, True), (None, 1.0, False), (1.0, None, False)]
)
def test_absent_and_present_quantiles_differ(true_value, quantile, right):
    assert in_bucket_of(true_value, quantile) is right


def ledger(events, *, rows, counted, stages=("store", "exporter")):
    expect = EventLedgerExpectation(name="lead time", stages=stages)
    values = [] if rows == "unseen" else [value("store", rows, event_source=SOURCE)]
    values += [] if counted == "unseen" else [value("exporter", counted)]
    return check_event_ledger(expect, History([*events, *values]))


@pytest.mark.parametrize(
    ("rows", "counted", "verdict", "stage"),
    [
        (2, 2, Verdict.PASS, None),
        (2, 9, Verdict.PASS, None),
        (1, 2, Verdict.FAIL, Stage.STORE),
        (3, 2, Verdict.FAIL, Stage.STORE),
        (None, 2, Verdict.FAIL, Stage.STORE),
        (2, 1, Verdict.FAIL, Stage.EXPORTER),
        (2, None, Verdict.FAIL, Stage.EXPORTER),
        ("unseen", 2, Verdict.INCONCLUSIVE, Stage.STORE),
        (2, "unseen", Verdict.INCONCLUSIVE, Stage.EXPORTER),
    ],
    ids=["all", "others too", "dropped", "twice", "no table", "uncounted", "no counter", "no store", "no exporter"],
)
def test_every_event_sent_is_one_row_and_counted(rows, counted, verdict, stage):
    found = ledger(a_deployment_two_hours_after_its_commit(), rows=rows, counted=counted)
    assert (found.verdict, found.stage) == (verdict, stage)


def test_a_repeated_event_is_one_row():
    events = [*a_deployment_two_hours_after_its_commit(), sent(1, "commit", 10, sha="a", http=200)]
    assert ledger(events, rows=2, counted=2).verdict is Verdict.PASS


def test_a_lost_event_fails_at_the_event():
    events = [*a_deployment_two_hours_after_its_commit(), sent(3, "commit", 5, sha="b", http=0)]
    assert (ledger(events, rows=2, counted=2).stage) is Stage.EVENT


def test_no_events_are_no_proof():
    assert ledger([], rows=0, counted=0).verdict is Verdict.INCONCLUSIVE


def test_stages_left_out_are_not_judged():
    found = ledger(a_deployment_two_hours_after_its_commit(), rows=2, counted="unseen", stages=("store",))
    assert found.verdict is Verdict.PASS
