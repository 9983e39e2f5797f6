"""Tables of a small history, right and wrong in one cell: what is accepted, what is rejected, and where."""

import copy
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from fawkes.harness.checks.dora_values import EVER, DoraValuesExpectation, cells_of, check_dora_values
from fawkes.harness.model import ORACLE, History, Record, Stage, Verdict

DAY_S = 86400
BEGAN_S, ENDED_S = 1_772_323_200.0, 1_772_323_260.0
ORDER = ["rest", "exporter", "prometheus", "rule", "thanos"]


def sent(number, kind, days, *, http=201, team="payments", **data):
    event = {
        "source": "//t",
        "id": f"run-1-{number}",
        "type": f"dev.fawkes.{kind}",
        "time": datetime.fromtimestamp(BEGAN_S - days * DAY_S, UTC).isoformat(),
        "data": {"team": team, "service": "checkout", **data},
    }
    ack = {0: "lost", 201: "stored", 200: "duplicate"}.get(http, "refused")
    return Record(BEGAN_S + number, number, "event", {"event": event, "kind": kind, "status": http, "ack": ack})


def history(days=10):
    """One deployment two hours after its commit; an incident an hour later, over an hour after that. And staging."""
    place = {"environment": "production"}
    return [
        sent(1, "commit", days, sha="a"),
        sent(2, "deployment_completed", days - 2 / 24, deployment_id="d1", commit_sha="a", status="success", **place),
        sent(3, "incident_created", days - 3 / 24, incident_id="i1", **place),
        sent(4, "incident_resolved", days - 4 / 24, incident_id="i1", **place),
        sent(5, "deployment_started", days, deployment_id="s1", commit_sha="a", environment="staging"),
    ]


def without_data(frequency=0.0):
    """What is shown of a window in which nothing happened."""
    metrics = ["deployment_frequency_per_day", "lead_time_seconds", "change_failure_ratio", "rework_ratio"]
    metrics += ["failed_deployment_recovery_seconds", "time_to_restore_seconds"]
    return {"deployment_frequency_per_day": frequency, **{f"sample_count.{metric}": 0 for metric in metrics}}


def with_everything(days):
    return without_data() | {
        "deployment_frequency_per_day": 1 / days,
        "lead_time_seconds.p50": 7200.0,
        "lead_time_seconds.p95": 7200.0,
        "lead_time_seconds.mean": 7200.0,
        "change_failure_ratio": 1.0,
        "failed_deployment_recovery_seconds.p50": 7200.0,
        "failed_deployment_recovery_seconds.mean": 7200.0,
        "time_to_restore_seconds.p50": 3600.0,
        "time_to_restore_seconds.mean": 3600.0,
        "rework_ratio": 0.0,
        **{f"sample_count.{metric}": 1 for metric in (
            "deployment_frequency_per_day", "lead_time_seconds", "change_failure_ratio", "rework_ratio",
            "failed_deployment_recovery_seconds", "time_to_restore_seconds")},
        # 2023: 1/30 a day is medium and 1/90 low; 2 h from commit to production are elite; all failed is low; 2 h
        # to recover are high.
        "performance_level.deployment_frequency_per_day": {30: 1, 90: 0}[days],
        "performance_level.lead_time_seconds": 3,
        "performance_level.change_failure_ratio": 0,
        "performance_level.failed_deployment_recovery_seconds": 2,
        "performance_level.overall": 0,
    }  # fmt: skip


def table(stage):
    """What a right platform shows at this stage, worked out by hand."""
    only_rest = {"lead_time_seconds.invalid": 0, "failed_deployment_recovery_seconds.open": 0,
                 "time_to_restore_seconds.open": 0}  # fmt: skip
    more = only_rest if stage == "rest" else {}
    production = {"7d": without_data() | more, "30d": with_everything(30) | more, "90d": with_everything(90) | more}
    staging = {window: without_data() | more for window in production}
    if stage in ("rest", "rule", "thanos"):
        exact = {
            "lead_time_seconds.p50": 7200.0,
            "lead_time_seconds.p95": 7200.0,
            "time_to_restore_seconds.p50": 3600.0,
        }
        near = {"lead_time_seconds.p50": 5400.0, "lead_time_seconds.p95": 7020.0, "time_to_restore_seconds.p50": 2700.0}
        production[EVER], staging[EVER] = (exact if stage == "rest" else near), {}
    return {"payments": {"production": production, "staging": staging}}


def seen(stage, what, *, source=None, **more):
    about = {"expectation": "values", "stage": stage, "source": source or f"{stage}-0", "query": stage}
    return Record(ENDED_S, 60.0, "table", {**about, "table": what, **more})


def everywhere():
    return [seen(stage, table(stage)) for stage in ORDER]


def judge(events, tables, **changes):
    return check_dora_values(DoraValuesExpectation(name="values", **changes), History([*events, *tables]))


def changed(stage, quantity, value, *, window="30d", environment="production"):
    """The right tables, with one cell of one stage and of those after it replaced; None takes it away."""
    tables = []
    for other in ORDER:
        there = copy.deepcopy(table(other))
        if ORDER.index(other) >= ORDER.index(stage):
            values = there["payments"][environment].setdefault(window, {})
            values.pop(quantity, None)
            values |= {} if value is None else {quantity: value}
        tables.append(seen(other, there))
    return tables


def test_tables_worked_out_by_hand_pass_with_evidence_from_every_stage():
    found = judge(history(), everywhere())
    assert (found.verdict, found.stage) == (Verdict.PASS, None), found.reason
    assert {line.stage.value for line in found.evidence} == {"event", *ORDER}
    assert all(line.ok for line in found.evidence)


def test_a_pass_shows_the_way_of_some_headline_values():
    ways = [
        line
        for line in judge(history(), everywhere()).evidence
        if line.subject.get("metric") == "lead_time_seconds.p50"
    ]
    assert [(line.stage.value, line.observed) for line in ways] == [(stage, 7200.0) for stage in ("event", *ORDER)]
    assert ways[0].source == ORACLE


@pytest.mark.parametrize("stage", ORDER)
@pytest.mark.parametrize(
    ("quantity", "wrong"),
    [
        ("lead_time_seconds.p50", 7200.000000000001),
        ("lead_time_seconds.p50", None),
        ("lead_time_seconds.p50", [7200.0, 3600.0]),
        ("change_failure_ratio", 0.0),
        ("performance_level.overall", 1),
        ("sample_count.lead_time_seconds", 2),
        ("of_something_else", 1.0),
    ],
)
def test_the_first_stage_that_differs_is_named_with_the_value(stage, quantity, wrong):
    found = judge(history(), changed(stage, quantity, wrong))
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage(stage))
    assert f"{quantity} of payments in production over 30d" in found.reason
    assert found.observed == wrong


def test_a_value_where_there_must_be_none_is_wrong():
    found = judge(history(), changed("exporter", "lead_time_seconds.p50", 0.0, window="7d"))
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EXPORTER)
    assert "is 0.0 instead of nothing" in found.reason


@pytest.mark.parametrize(
    ("quantile", "verdict"), [(3600.0, Verdict.PASS), (7200.0, Verdict.PASS), (7200.1, Verdict.FAIL)]
)
def test_a_quantile_from_a_histogram_must_lie_in_the_bucket_of_the_true_one(quantile, verdict):
    assert judge(history(), changed("rule", "lead_time_seconds.p50", quantile, window=EVER)).verdict is verdict


def test_what_only_the_api_tells_is_judged_there():
    found = judge(history(), changed("rest", "lead_time_seconds.invalid", 1))
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.REST)


def test_one_replica_that_differs_is_enough():
    other = seen("rule", changed("rule", "rework_ratio", 1.0)[3].data["table"], source="prometheus-core-1")
    found = judge(history(), [*everywhere(), other])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.RULE)
    assert "prometheus-core-1" in found.reason


def test_a_team_that_is_missing_altogether_is_wrong():
    found = judge(history(), [seen(stage, {} if stage == "exporter" else table(stage)) for stage in ORDER])
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EXPORTER)


def test_the_worst_offenders_are_told_and_the_rest_counted():
    zeroed = copy.deepcopy(table("exporter"))
    for window in zeroed["payments"]["production"].values():
        window.update(dict.fromkeys(window, 0))
    found = judge(history(), [seen(s, zeroed if s == "exporter" else table(s)) for s in ORDER])
    offenders = {line.subject["metric"] for line in found.evidence if not line.ok and "metric" in line.subject}
    assert 1 <= len(offenders) <= 5
    assert len(found.evidence) < 60


def test_silence_is_not_right():
    tables = [seen(s, None, error="no answer in time") if s == "thanos" else seen(s, table(s)) for s in ORDER]
    found = judge(history(), tables)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.THANOS)
    assert "no answer in time" in found.reason


@pytest.mark.parametrize("status", [0, 409, 500])
def test_an_event_that_was_not_acknowledged_fails_at_the_event(status):
    found = judge([*history(), sent(9, "commit", 5, sha="b", http=status)], everywhere())
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)
    assert "run-1-9" in found.reason


@pytest.mark.parametrize(
    ("events", "tables"), [([], everywhere()), (history(), []), ([], [])], ids=["no events", "never looked", "nothing"]
)
def test_without_data_it_is_inconclusive(events, tables):
    assert judge(events, tables).verdict is Verdict.INCONCLUSIVE


def test_events_without_a_deployment_are_nothing_to_compare():
    assert judge(history()[:1], [seen(stage, {}) for stage in ORDER]).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_that_was_never_looked_at_is_inconclusive(stage):
    found = judge(history(), [r for r in everywhere() if r.data["stage"] != stage])
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage(stage))


def test_a_value_that_depends_on_the_moment_is_inconclusive():
    found = judge(history(days=30 + 2 / 24 - 30 / DAY_S), everywhere())
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert "edges of the windows" in found.reason


def test_only_the_teams_asked_for_are_judged():
    events = [*history(), *(Record(r.at_s, r.mono_s, r.kind, {**r.data, "event": {
        **r.data["event"], "id": "x" + r.data["event"]["id"], "data": {**r.data["event"]["data"], "team": "other"}}})
        for r in history())]  # fmt: skip
    assert judge(events, everywhere(), teams=("payments",)).verdict is Verdict.PASS
    assert judge(events, everywhere()).verdict is Verdict.FAIL


def answers(**by_hand):
    about = {"team": "payments", "environment": "production", "window_s": 30.0 * DAY_S}
    return Record(BEGAN_S, 0.0, "answers", {**about, "answers": by_hand})


def test_answers_worked_out_by_hand_are_compared_with_the_oracle():
    right = answers(lead_time_p50_s=7200.0, restores=1, rework_ratio=0.0)
    assert judge([*history(), right], everywhere(), by_hand=True).verdict is Verdict.PASS
    found = judge([*history(), answers(lead_time_p50_s=3600.0)], everywhere(), by_hand=True)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.EVENT)
    assert "7200" in found.reason
    assert "3600" in found.reason


def test_without_the_answers_that_should_be_there_it_is_inconclusive():
    assert judge(history(), everywhere(), by_hand=True).verdict is Verdict.INCONCLUSIVE


def test_a_table_is_flattened_into_its_cells():
    assert cells_of({"t": {"e": {"w": {"q": 1}}}}) == {("t", "e", "w", "q"): 1}


@pytest.mark.parametrize("wrong", [{"windows": ("1d",)}, {"stages": ()}, {"stages": ("bucket",)}, {"environments": ()}])
def test_a_wrong_expectation_is_refused(wrong):
    with pytest.raises(ValidationError):
        DoraValuesExpectation(name="values", **wrong)
