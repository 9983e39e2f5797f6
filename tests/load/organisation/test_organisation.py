"""The generator's promises: same seed same bytes, time order, constant memory, stated distributions, known effects."""

import itertools
import json
import math
import statistics
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fawkes.fixtures.services.dora.events import DATA_BY_TYPE, read_event
from fawkes.harness.oracle.dora import Truth
from fawkes.load.organisation.organisation import Organisation
from fawkes.load.organisation.parameters import DAY_S, Parameters
from fawkes.load.organisation.parts import ZONES, team_of
from fawkes.load.organisation.ugly import CASES, EPISODE_EVERY_S, UGLY

NOW_S = 1_772_323_200.0
IDLE = replace(Parameters(), deployments_per_day=1e-9)
EVEN = replace(Parameters(), pace_sigma=0.0)


def organisation(**changes):
    return Organisation(**{"seed": 7, "run_id": "run-1", "ends_s": NOW_S, "days": 60, "teams": 9, **changes})


def at_s(event, field=None):
    return datetime.fromisoformat(event["data"][field] if field else event["time"]).timestamp()


def text(events):
    return json.dumps(list(events))


@pytest.fixture(scope="module")
def year():
    """Ten teams of pace 1 for a year: enough for every distribution."""
    return list(organisation(teams=10, days=365, parameters=EVEN, ugly=()).events())


def production(events, **data):
    wanted = {"environment": "production", "status": "success", **data}
    completed = (e for e in events if e["type"] == "dev.fawkes.deployment_completed")
    return [e for e in completed if wanted.items() <= e["data"].items()]


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not():
    assert text(organisation().events()) == text(organisation().events())
    assert text(organisation().events()) != text(organisation(seed=8).events())


def test_another_run_shares_no_identity():
    def identities(run_id):
        sent = list(organisation(run_id=run_id).events())
        names = ("sha", "deployment_id", "incident_id", "build_id")
        ids = {(e["source"], e["id"]) for e in sent}
        return ids | {value for e in sent for name, value in e["data"].items() if name in names}

    assert not identities("run-1") & identities("run-2")


def test_every_identity_is_given_once():
    sent = list(organisation().events())
    assert len({(e["source"], e["id"]) for e in sent}) == len(sent)


def test_a_team_does_not_change_when_others_join():
    def first(teams):
        return [e for e in organisation(teams=teams, ugly=()).events() if e["data"]["team"] == "team-000"]

    assert first(1) == first(5)


def test_events_come_in_time_order_and_none_after_the_end():
    times = [at_s(e) for e in organisation().events()]
    assert times == sorted(times)
    assert times[-1] < NOW_S


def test_the_service_takes_every_event():
    for event in organisation().events():
        assert read_event(event, frozenset(DATA_BY_TYPE)).id == event["id"]


@pytest.mark.parametrize("size", [10, 100, 5000])
def test_an_organisation_of_a_size_makes_exactly_so_many_events(size):
    made = list(Organisation.of_size(size, seed=7, run_id="r", ends_s=NOW_S).events())
    assert len(made) == size
    assert at_s(made[-1]) < NOW_S


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_stream():
    def peak_bytes(days):
        stream = organisation(teams=2, days=days).events()
        tracemalloc.start()
        for _ in stream:
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(400) < 1.3 * peak_bytes(100)  # four times as long; what is under way varies


def test_deployments_are_as_many_as_stated(year):
    expected = 10 * 2 * 365 * Parameters().deployments_per_day * 5.1 / 7
    normal = production(year, kind="normal")
    assert len(normal) == pytest.approx(expected, abs=5 * math.sqrt(expected))  # Poisson: five sigma


def test_events_are_as_many_as_stated(year):
    expected = 10 * 2 * 365 * Parameters().events_per_day
    assert len(year) == pytest.approx(expected, rel=0.05)


def test_deployments_keep_office_hours_where_the_team_is(year):
    local = [
        datetime.fromtimestamp(at_s(e), ZoneInfo(ZONES[int(e["data"]["team"][-3:]) % 4]))
        for e in production(year, kind="normal")
    ]
    weekend = sum(moment.weekday() >= 5 for moment in local) / len(local)
    assert weekend == pytest.approx(0.1 / 5.1, abs=0.01)
    hours = Counter(moment.hour for moment in local)
    assert sum(hours[h] for h in range(7)) == 0
    assert sum(hours[h] for h in range(9, 17)) / len(local) == pytest.approx(68 / 82, abs=0.03)


def test_lead_times_are_log_normal_and_cut(year):
    leads_s = [
        lead_us / 1e6 for n in range(10) for _, lead_us in Truth(year).facts(f"team-{n:03d}", "production").deliveries
    ]
    stated = Parameters()
    assert statistics.median(leads_s) == pytest.approx(stated.lead_time_median_s, rel=0.1)
    assert max(leads_s) <= stated.lead_time_max_s + 0.002
    logs = [math.log(lead_s) for lead_s in leads_s]
    low, _, high = statistics.quantiles(logs, n=4)
    assert high - low == pytest.approx(2 * 0.6745 * stated.lead_time_sigma, rel=0.15)  # the quartiles of a normal


def test_failures_and_repairs_are_as_stated(year):
    truth = Truth(year)
    facts = [truth.facts(team, "production") for team in truth.teams]
    stated = Parameters()
    normal = len(production(year, kind="normal"))
    incidents = [i for of in facts for i, _ in of.incidents]
    assert len(incidents) / normal == pytest.approx(stated.failure_ratio, rel=0.15)
    took_s = [(i.resolved_us - i.started_us) / 1e6 for i in incidents if i.resolved_us is not None]
    assert statistics.median(took_s) == pytest.approx(stated.repair_median_s, rel=0.25)
    kinds = Counter(e["data"]["kind"] for e in production(year))
    assert kinds["rollback"] / len(incidents) == pytest.approx(stated.rollback_ratio, abs=0.08)
    assert kinds["hotfix"] / len(incidents) == pytest.approx(stated.hotfix_ratio, abs=0.08)
    assert len(production(year, status="failure")) / normal == pytest.approx(stated.attempt_failure_ratio, abs=0.02)


def test_staging_comes_before_production(year):
    staged = {e["data"]["deployment_id"]: at_s(e) for e in production(year, environment="staging")}
    for event in production(year, kind="normal"):
        assert staged[event["data"]["deployment_id"]] < at_s(event)


def test_teams_differ_in_pace_and_are_one_on_average():
    paces = [team_of(7, n, Parameters()).pace for n in range(400)]
    assert statistics.fmean(paces) == pytest.approx(1.0, abs=0.2)
    assert max(paces) / min(paces) > 20


def test_quiet_spans_hold_no_completion_and_no_start_of_an_incident():
    quiet = [(NOW_S - 7 * DAY_S, NOW_S - 6 * DAY_S), (NOW_S - 30 * DAY_S, NOW_S - 29 * DAY_S)]
    busy = organisation(quiet_s=quiet).events()
    kinds = ("dev.fawkes.deployment_completed", "dev.fawkes.incident_created")
    looked_at = [at_s(e) for e in busy if e["type"] in kinds and e["data"]["environment"] == "production"
                 and e["data"]["status" if "completed" in e["type"] else "severity"] != "failure"]  # fmt: skip
    assert not [t for t, (low, high) in itertools.product(looked_at, quiet) if low <= t < high]
    assert any(t >= quiet[0][1] for t in looked_at)


@pytest.mark.parametrize("case", UGLY)
def test_each_ugly_case_has_the_effect_it_states(case):
    alone = organisation(teams=1, parameters=IDLE, ugly=(case,))
    values = Truth(alone.events()).values("team-000", "production", from_s=0, to_s=NOW_S)
    effect = CASES[case].effect
    times = int(alone.days * DAY_S / EPISODE_EVERY_S)
    assert times == 6
    assert values.deployments == times * effect.deployments
    assert values.lead_times == times * effect.lead_times
    assert values.lead_times_invalid == times * effect.lead_times_invalid
    assert values.lead_time_p50_s == values.lead_time_p95_s == effect.lead_time_s
    assert values.restores == times * effect.restores
    assert values.time_to_restore_p50_s == effect.restore_s
    assert values.recoveries == times * effect.recoveries
    assert values.failed_deployment_recovery_p50_s == effect.recovery_s
    assert (values.change_failure_ratio or 0) * values.deployments == times * effect.failed


@pytest.mark.parametrize("case", UGLY)
def test_an_ugly_case_can_be_switched_off_and_leaves_the_rest_as_it_was(case):
    with_it = list(organisation(teams=3).events())
    name = case.replace("_", "-")
    without = [e for e in with_it if name not in e["data"]["service"]]
    assert len(without) < len(with_it)
    # Whoever had it has another case now, so only ordinary work is compared.
    others = organisation(teams=3, ugly=[c for c in UGLY if c != case]).events()
    assert name not in text(others)
    ordinary = [
        e
        for e in organisation(teams=3, ugly=[c for c in UGLY if c != case]).events()
        if "-service-" in e["data"]["service"]
    ]
    assert ordinary == [e for e in with_it if "-service-" in e["data"]["service"]]
