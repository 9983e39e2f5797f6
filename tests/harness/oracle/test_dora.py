"""The definitions, one by one, on histories small enough to see the answer."""

import random
from datetime import UTC, datetime

import pytest

from fawkes.harness.oracle.dora import Truth, compute, nearest_rank

HOUR_S = 3600
DAY_S = 86400
FROM_S = 1_700_006_400.0  # midnight UTC
TO_S = FROM_S + 30 * DAY_S


def event(kind, at_h, /, *, team="payments", source="//test", **data):
    """An event `at_h` hours into the window; its id is its content."""
    body = {"team": team, "service": "checkout", "environment": "production", **data}
    time = datetime.fromtimestamp(FROM_S + at_h * HOUR_S, UTC).isoformat()
    ident = f"{kind}-{at_h}-{sorted(data.items())}"
    return {"source": source, "id": ident, "type": f"dev.fawkes.{kind}", "time": time, "data": body}


def commit(sha, at_h, **data):
    return event("commit", at_h, sha=sha, **data)


def deployed(name, at_h, *, commit="c", attempt=1, status="success", kind="normal", **data):
    fields = {"deployment_id": name, "attempt": attempt, "commit_sha": commit, "status": status, "kind": kind}
    return event("deployment_completed", at_h, **fields, **data)


def incident(name, at_h, **data):
    return event("incident_created", at_h, incident_id=name, severity="high", **data)


def resolved(name, at_h, **data):
    return event("incident_resolved", at_h, incident_id=name, **data)


def values(*events, environment="production", from_s=FROM_S, to_s=TO_S):
    return compute(events, team="payments", environment=environment, from_s=from_s, to_s=to_s)


def test_no_events_are_no_data_not_zero():
    got = values()
    assert got.deployment_frequency_per_day == 0.0
    assert (got.lead_time_p50_s, got.change_failure_ratio, got.rework_ratio) == (None, None, None)
    assert (got.failed_deployment_recovery_p50_s, got.time_to_restore_p50_s) == (None, None)


def test_frequency_counts_successes_of_this_team_and_environment_in_the_window():
    got = values(
        deployed("d1", 1),
        deployed("d2", 2, status="failure"),
        deployed("d3", 3, status="cancelled"),
        deployed("d4", 4, environment="staging"),
        deployed("d5", 5, team="other"),
        deployed("d6", -1),
        deployed("d7", 30 * 24),
        deployed("d8", 6, kind="rollback"),
    )
    assert got.deployments == 2
    assert got.deployment_frequency_per_day == 2 / 30


def test_the_window_is_closed_on_the_left_and_open_on_the_right():
    assert values(deployed("first", 0)).deployments == 1
    assert values(deployed("last", 30 * 24)).deployments == 0


def test_each_attempt_is_a_deployment_of_its_own_and_its_last_completion_counts():
    got = values(
        deployed("d1", 1, status="failure"),
        deployed("d1", 2, attempt=2),
        deployed("d2", 3),
        deployed("d2", 4, status="failure"),
    )
    assert got.deployments == 1


def test_lead_time_ends_with_the_first_successful_deployment_of_the_commit():
    got = values(
        commit("a", 0),
        commit("b", 1),
        deployed("d1", 2, commit="b", commits=["a", "b"], status="failure"),
        deployed("d2", 3, commit="b", commits=["a", "b"], environment="staging"),
        deployed("d3", 5, commit="b", commits=["a", "b"]),
        deployed("d4", 9, commit="b", commits=["a", "b"], kind="redeploy"),
    )
    assert got.lead_times == 2
    assert got.lead_time_p50_s == 4 * HOUR_S
    assert got.lead_time_p95_s == 5 * HOUR_S
    assert got.lead_time_mean_s == 4.5 * HOUR_S


def test_lead_time_belongs_to_the_window_of_the_deployment():
    early = values(commit("a", -50), deployed("d1", 2, commit="a"))
    gone = values(commit("a", -50), deployed("d1", -1, commit="a"), deployed("d2", 2, commit="a"))
    assert (early.lead_time_p50_s, gone.lead_time_p50_s) == (52 * HOUR_S, None)


def test_lead_time_starts_at_committed_at_where_given():
    at = datetime.fromtimestamp(FROM_S - HOUR_S, UTC).isoformat()
    got = values(commit("a", 5, committed_at=at), deployed("d1", 6, commit="a"))
    assert got.lead_time_p50_s == 7 * HOUR_S


def test_without_an_explicit_list_a_deployment_holds_its_own_commit_only():
    got = values(commit("a", 1), commit("b", 2), deployed("d1", 3, commit="b"))
    assert (got.lead_times, got.lead_time_p50_s) == (1, HOUR_S)


def test_negative_lead_times_are_counted_as_invalid_and_left_out():
    got = values(commit("a", 5), commit("b", 2), deployed("d1", 4, commit="a", commits=["a", "b"]))
    assert (got.lead_times, got.lead_times_invalid, got.lead_time_p50_s) == (1, 1, 2 * HOUR_S)


@pytest.mark.parametrize(
    ("incident_at_h", "ratio"),
    [(2, 1.0), (25, 1.0), (25.001, 0.0), (0.9, 0.0)],
    ids=["soon", "24 h", "later", "before"],
)
def test_an_incident_blames_the_latest_deployment_within_a_day(incident_at_h, ratio):
    assert values(deployed("d1", 1), incident("i1", incident_at_h)).change_failure_ratio == ratio


@pytest.mark.parametrize("elsewhere", [{"service": "search"}, {"environment": "staging"}])
def test_an_incident_blames_no_deployment_of_another_service_or_environment(elsewhere):
    assert values(deployed("d1", 1), incident("i1", 2, **elsewhere)).change_failure_ratio == 0.0


def test_an_explicit_link_wins_over_time_and_place_and_a_dangling_one_links_nothing():
    old = values(
        deployed("d1", 1), deployed("d2", 50), incident("i1", 51, caused_by_deployment="d1"), resolved("i1", 52)
    )
    assert (old.change_failure_ratio, old.failed_deployment_recovery_p50_s) == (0.5, 51 * HOUR_S)
    dangling = values(deployed("d1", 1), incident("i1", 2, caused_by_deployment="unknown"))
    assert dangling.change_failure_ratio == 0.0


def test_change_failure_counts_deployments_not_incidents():
    got = values(
        deployed("d1", 1), incident("i1", 2), incident("i2", 3), deployed("d2", 4, kind="hotfix"), deployed("d3", 40)
    )
    assert got.change_failure_ratio == 1 / 3


def test_a_rollback_marks_the_deployment_before_it_in_the_same_service():
    got = values(
        deployed("d1", 1),
        deployed("d2", 2, service="search"),
        deployed("d3", 3, status="failure"),
        deployed("d4", 4, kind="rollback"),
        deployed("d5", 5, kind="rollback", status="failure"),
    )
    assert got.change_failure_ratio == 1 / 3  # d1, of d1, d2, d4


def test_change_failure_is_indexed_by_the_deployment_not_by_what_followed():
    late = values(deployed("d1", 30 * 24 - 1), incident("i1", 30 * 24 + 5))
    early = values(deployed("d0", -1), incident("i1", 2), deployed("d1", 30))
    assert (late.change_failure_ratio, early.change_failure_ratio) == (1.0, 0.0)


def test_recovery_counts_from_the_deployment_and_restore_from_the_incident():
    started = datetime.fromtimestamp(FROM_S + 3 * HOUR_S, UTC).isoformat()
    got = values(
        deployed("d1", 1),
        incident("i1", 4, started_at=started),
        resolved("i1", 7),
        incident("i2", 100),
        resolved("i2", 110),
    )
    assert (got.recoveries, got.failed_deployment_recovery_p50_s) == (1, 6 * HOUR_S)
    assert (got.restores, got.time_to_restore_p50_s, got.time_to_restore_mean_s) == (2, 4 * HOUR_S, 7 * HOUR_S)


def test_open_incidents_are_counted_apart():
    got = values(deployed("d1", 1), incident("i1", 2))
    assert (got.recoveries, got.recoveries_open, got.failed_deployment_recovery_p50_s) == (0, 1, None)
    assert (got.restores, got.restores_open, got.time_to_restore_p50_s) == (0, 1, None)


def test_a_deployment_blamed_that_finished_after_the_resolution_has_no_recovery_time():
    got = values(deployed("d1", 5), incident("i1", 1, caused_by_deployment="d1"), resolved("i1", 3))
    assert (got.change_failure_ratio, got.recoveries, got.recoveries_open) == (1.0, 0, 0)


def test_an_incident_concerns_its_own_environment_only():
    events = [deployed("d1", 1, environment="staging"), incident("i1", 2, caused_by_deployment="d1")]
    assert values(*events, environment="staging").change_failure_ratio == 0.0


def test_a_reopened_incident_is_open_until_its_last_resolution():
    reopened = [deployed("d1", 1), incident("i1", 2), resolved("i1", 3), incident("i1", 5)]
    assert values(*reopened).restores_open == 1
    assert values(*reopened, resolved("i1", 8)).time_to_restore_p50_s == 6 * HOUR_S


def test_a_reopened_incident_starts_with_the_earliest_start_that_was_said():
    started = datetime.fromtimestamp(FROM_S + HOUR_S, UTC).isoformat()
    got = values(incident("i1", 2), incident("i1", 3, started_at=started), resolved("i1", 5))
    assert got.time_to_restore_p50_s == 4 * HOUR_S


def test_what_was_said_last_of_an_incident_counts():
    moved = [deployed("d1", 1, service="search"), deployed("d2", 1), incident("i1", 2), resolved("i1", 4)]
    there = values(*moved, incident("i1", 3, service="search", caused_by_deployment="d1"))
    assert (there.change_failure_ratio, there.recoveries) == (0.5, 1)
    assert values(*moved, incident("i1", 3, caused_by_deployment="gone")).change_failure_ratio == 0.0


def test_one_id_in_two_environments_is_two_incidents_and_two_deployments():
    got = values(
        deployed("d1", 1),
        deployed("d1", 2, environment="staging", status="failure"),
        incident("i1", 3, caused_by_deployment="d1"),
        resolved("i1", 4, environment="staging"),
    )
    assert (got.deployments, got.change_failure_ratio, got.restores_open) == (1, 1.0, 1)


def test_one_id_in_two_services_is_two_deployments_and_a_cause_is_the_own_service_s():
    got = values(
        deployed("d1", 1),
        deployed("d1", 2, service="search"),
        incident("i1", 3, caused_by_deployment="d1"),
        resolved("i1", 5),
    )
    assert (got.deployments, got.failed_deployment_recovery_p50_s) == (2, 4 * HOUR_S)


def test_an_empty_list_of_commits_delivers_none():
    assert values(commit("a", 1), deployed("d1", 2, commit="a", commits=[])).lead_times == 0


def test_at_one_instant_the_id_of_the_event_decides_what_came_first():
    first, hotfix = deployed("d1", 1) | {"id": "id-1"}, deployed("d2", 1, kind="hotfix") | {"id": "id-2"}
    assert values(hotfix, first).change_failure_ratio == 0.5
    assert values(hotfix, first | {"id": "id-3"}).change_failure_ratio == 0.0


def test_an_event_sent_again_with_other_content_is_what_it_was_at_first():
    assert values(deployed("d1", 1) | {"id": "x"}, deployed("d1", 1, team="other") | {"id": "x"}).deployments == 1
    assert values(deployed("d1", 1, team="other") | {"id": "x"}, deployed("d1", 1) | {"id": "x"}).deployments == 0


def test_durations_are_exact_to_the_microsecond():
    late = datetime.fromtimestamp(FROM_S, UTC).replace(microsecond=100_000).isoformat()
    later = datetime.fromtimestamp(FROM_S, UTC).replace(microsecond=300_000).isoformat()
    got = values(
        commit("a", 0),
        commit("b", 0),
        *(deployed(name, 0, commit=name) | {"time": time} for name, time in (("a", late), ("b", later))),
    )
    assert (got.lead_time_p50_s, got.lead_time_p95_s, got.lead_time_mean_s) == (0.1, 0.3, 0.2)


def test_a_resolution_without_its_incident_is_nothing_yet():
    assert values(resolved("i1", 3)).restores == 0


def test_rework_is_the_share_of_deployments_that_an_incident_caused():
    got = values(deployed("d1", 1), deployed("d2", 2, kind="hotfix", caused_by_incident="i1"))
    assert got.rework_ratio == 0.5


def a_busy_month(rng):
    events = []
    for n in range(60):
        at_h = rng.uniform(0, 30 * 24)
        events += [
            commit(f"c{n}", at_h - rng.uniform(-1, 90)),
            deployed(
                f"d{n}",
                at_h,
                commit=f"c{n}",
                commits=[f"c{rng.randrange(60)}", f"c{n}"],
                service=rng.choice(["checkout", "search"]),
                environment=rng.choice(["production", "staging"]),
                status=rng.choice(["success", "success", "failure"]),
                kind=rng.choice(["normal", "normal", "rollback", "hotfix"]),
            ),
        ]
        if rng.random() < 0.4:
            events += [incident(f"i{n}", at_h + 1), resolved(f"i{n}", at_h + rng.uniform(1, 40))]
    return events


@pytest.mark.parametrize("seed", range(5))
def test_order_and_repetition_of_events_change_nothing(seed):
    rng = random.Random(seed)
    events = a_busy_month(rng)
    again = [*events, *rng.sample(events, 20)]
    rng.shuffle(again)
    assert values(*again) == values(*events)


@pytest.mark.parametrize("seed", range(5))
def test_ratios_never_leave_zero_to_one(seed):
    got = values(*a_busy_month(random.Random(seed)))
    assert got.change_failure_ratio is not None
    assert 0 <= got.change_failure_ratio <= 1


@pytest.mark.parametrize(
    ("count", "percent", "rank"),
    [(1, 50, 1), (2, 50, 1), (3, 50, 2), (10, 50, 5), (10, 95, 10), (20, 95, 19), (21, 95, 20)],
)
def test_nearest_rank(count, percent, rank):
    assert nearest_rank([float(n) for n in range(count, 0, -1)], percent) == rank


def test_a_time_without_offset_is_refused():
    naive = deployed("d1", 1) | {"time": "2026-01-01T09:00:00"}
    with pytest.raises(ValueError, match="no offset"):
        values(naive)


def test_an_offset_is_honoured():
    east = deployed("d1", 1) | {"time": "2023-11-15T02:00:00+02:00"}  # FROM_S itself
    assert values(east).deployments == 1


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="empty"):
        values(from_s=TO_S, to_s=TO_S)


def test_a_service_has_its_own_deployments_and_what_they_broke():
    events = [
        commit("a", 0),
        commit("b", 1),
        deployed("d1", 2, commit="a"),
        deployed("d2", 4, commit="b", commits=["a", "b"], service="basket"),
        incident("i1", 5, caused_by_deployment="d1", service="basket"),
        resolved("i1", 8, service="basket"),
    ]

    def of(service):
        return Truth(events).values("payments", "production", from_s=FROM_S, to_s=TO_S, service=service)

    checkout, basket = of("checkout"), of("basket")
    assert (checkout.deployments, checkout.lead_times, checkout.lead_time_p50_s) == (1, 1, 2 * HOUR_S)
    assert (basket.deployments, basket.lead_times, basket.lead_time_p50_s) == (1, 1, 3 * HOUR_S)
    assert (checkout.change_failure_ratio, basket.change_failure_ratio) == (1.0, 0.0)
    assert (checkout.recoveries, checkout.restores) == (1, 0)
    assert (basket.recoveries, basket.restores) == (0, 1)
    assert of("nobody").deployments == 0


def test_calendar_days_are_what_a_frequency_is_per_where_dates_were_asked_for():
    truth = Truth([deployed("d1", 1), deployed("d2", 2)])
    got = truth.values("payments", "production", from_s=FROM_S, to_s=FROM_S + 23 * HOUR_S, days=1)
    assert got.deployment_frequency_per_day == 2.0


def test_the_teams_are_those_that_events_name():
    assert Truth([deployed("d1", 1), deployed("d2", 1, team="search")]).teams == ["payments", "search"]
