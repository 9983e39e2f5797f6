"""Recorded histories: the golden one against the oracle at any hour, identities per run, and what is refused."""

import textwrap
from datetime import datetime

import pytest

from fawkes.harness.errors import ScenarioError, UsageError
from fawkes.harness.oracle.dora import compute
from fawkes.load.histories import history_path, load_history, midnight_s

DAY_S = 86400
MIDNIGHT_S = 1_772_323_200.0


@pytest.fixture(scope="module")
def golden():
    return load_history(history_path("golden"))


@pytest.fixture(scope="module", params=sorted(path.stem for path in history_path("golden").parent.glob("*.yaml")))
def recorded(request):
    """Every history there is."""
    return load_history(history_path(request.param))


@pytest.mark.parametrize("hour", [0, 0.001, 12, 23.999])
@pytest.mark.parametrize("day", [0, 59, 300], ids=["March", "end of April", "December"])
def test_the_oracle_gives_the_hand_answers_at_any_hour(recorded, day, hour):
    now_s = MIDNIGHT_S + day * DAY_S + hour * 3600
    events = recorded.events(midnight_s(now_s), "run-1")
    got = compute(events, team=recorded.team, environment="production", from_s=now_s - recorded.window, to_s=now_s)
    answers = recorded.answers.stated()
    assert {name: getattr(got, name) for name in answers} == answers


def test_every_moment_is_a_day_away_from_every_edge_of_a_window(recorded):
    moments_s = [
        datetime.fromisoformat(text).timestamp() - MIDNIGHT_S
        for event in recorded.events(MIDNIGHT_S, "run-1")
        for text in (event["time"], *(v for k, v in event["data"].items() if k.endswith("_at")))
    ]
    # the run begins within the day after midnight, and the windows move with it
    assert not [at_s for at_s in moments_s if -DAY_S <= at_s + recorded.window <= 2 * DAY_S]
    assert max(moments_s) <= -DAY_S
    if recorded.team.startswith("edge-"):  # the others are asked for 30 days only
        assert not [at_s for at_s in moments_s if -8 * DAY_S <= at_s <= -5 * DAY_S]


def test_no_two_histories_share_a_team_or_an_identity():
    names = sorted(path.stem for path in history_path("golden").parent.glob("*.yaml"))
    histories = [load_history(history_path(name)) for name in names]
    ids = [event["id"] for history in histories for event in history.events(MIDNIGHT_S, "run-1")]
    assert len({history.team for history in histories}) == len(histories)
    assert len(set(ids)) == len(ids)


def test_a_time_is_the_same_moment_in_any_offset_and_written_in_its_own():
    events = load_history(history_path("edge_dst_change")).events(MIDNIGHT_S, "run-1")
    committed, deployed = (event["time"] for event in events[:2])
    assert (committed[10:], deployed[10:]) == ("T02:30:00+02:00", "T02:15:00+01:00")


def test_an_event_may_be_of_another_service():
    events = load_history(history_path("edge_two_services")).events(MIDNIGHT_S, "run-1")
    assert {event["data"]["service"] for event in events} == {"shop", "worker"}


def test_golden_holds_what_it_is_there_to_catch(golden):
    data = [event["data"] for event in golden.events(MIDNIGHT_S, "run-1")]
    assert sum(d.get("status") == "failure" for d in data) == 1
    assert any(d.get("environment") == "staging" for d in data)
    assert {d["kind"] for d in data if "kind" in d} == {"normal", "hotfix", "rollback"}
    assert len(data) < 30


def test_events_are_cloudevents_with_an_offset(golden):
    for event in golden.events(MIDNIGHT_S, "run-1"):
        assert event["specversion"] == "1.0"
        assert event["type"].startswith("dev.fawkes.")
        assert event["time"].endswith("+00:00")
        assert (event["data"]["team"], event["data"]["service"]) == ("payments", "checkout")


def test_two_runs_share_no_identity(golden):
    def identities(run_id):
        found = set()
        for event in golden.events(MIDNIGHT_S, run_id):
            data = event["data"]
            found |= {event["source"], event["id"]}
            found |= {data[k] for k in ("sha", "commit_sha", "deployment_id", "incident_id", "build_id") if k in data}
        return found

    first, second = identities("run-1"), identities("run-2")
    assert not first & second
    assert len(first) == len(second)


def test_ids_are_unique_within_a_run(golden):
    events = golden.events(MIDNIGHT_S, "run-1")
    assert len({event["id"] for event in events}) == len(events)


def test_an_unknown_history_names_those_there_are():
    with pytest.raises(UsageError, match="golden"):
        history_path("goldn")


HEAD = """\
team: payments
service: checkout
repo: fawkes/checkout
window: 30d
"""
ANSWERS = """\
answers:
  deployment_frequency_per_day: 0
  lead_time_p50_s: null
  lead_time_p95_s: null
  change_failure_ratio: null
  failed_deployment_recovery_p50_s: null
  time_to_restore_p50_s: null
"""


def problems_of(tmp_path, events, head=HEAD, answers=ANSWERS):
    path = tmp_path / "broken.yaml"
    path.write_text(head + "events:\n" + textwrap.indent(events, "  ") + "\n" + answers)
    with pytest.raises(ScenarioError) as caught:
        load_history(path)
    return [(p.line, p.field, p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("events", "line", "field", "said"),
    [
        ('- {event: commit, time: "-40 08:00", sha: c1}', 6, "events.0.time", '"-22d 14:00"'),
        ('- {event: commit, time: "-4d 25:00", sha: c1}', 6, "events.0.time", "no moment"),
        ('- {event: commit, time: "-4d 08:00", sha: c1, autor: me}', 6, "events.0.autor", "not permitted"),
        ('- {event: comit, time: "-4d 08:00", sha: c1}', 6, "events.0", "'commit'"),
        ('- {event: commit, time: "-4d 08:00"}', 6, "events.0.sha", "required"),
        (
            '- {event: deployment_completed, time: "-4d 08:00", deployment: d1, environment: production, commit: c9}',
            6,
            "events.0.commit",
            "no commit 'c9'",
        ),
        (
            '- {event: incident_resolved, time: "-4d 08:00", incident: i1, environment: x}',
            6,
            "events.0.incident",
            "'i1'",
        ),
        ('- {event: commit, time: "-4d 08:00", offset: 2h, sha: c1}', 6, "events.0.offset", '"+02:00"'),
        ('- event: commit\n  time: "-4d 08:00"\n  sha: c1\n  sha: c2', 9, "events.0.sha", "given twice"),
    ],
    ids=[
        "no unit",
        "hour 25",
        "unknown field",
        "unknown event",
        "missing",
        "dangling",
        "dangling incident",
        "offset",
        "twice",
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, events, line, field, said):
    ((at, where, message),) = problems_of(tmp_path, events)
    assert (at, where) == (line, field)
    assert said in message


def test_all_problems_are_reported_at_once(tmp_path):
    events = '- {event: commit, time: "x", sha: c1}\n- {event: commit, time: "y", sha: C 2}'
    assert len(problems_of(tmp_path, events, head=HEAD.replace("30d", "thirty"))) == 4


@pytest.mark.parametrize("text", ["", "events: [", "- 1"], ids=["empty", "not YAML", "a list"])
def test_a_file_that_is_no_history_is_refused(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=r"broken\.yaml:1"):
        load_history(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.yaml"):
        load_history(tmp_path / "nothing.yaml")
