"""The DORA service and the oracle, written apart and sharing no code, say the same about any set of events.

The service's side is its pure core, events -> state -> facts -> metrics; what the database adds (each event once, in
some order of arrival) is played here and tested for real in tests/fixtures/dora/test_store.py. Everything is compared
exactly: both sides count whole microseconds.
"""

import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from fawkes.fixtures.services.dora.calculate import calculate
from fawkes.fixtures.services.dora.calendar import calendar_days
from fawkes.fixtures.services.dora.classification import classify
from fawkes.fixtures.services.dora.correlate import Facts, correlate
from fawkes.fixtures.services.dora.events import DATA_BY_TYPE, read_event
from fawkes.fixtures.services.dora.state import State
from fawkes.harness.oracle import dora_bands
from fawkes.harness.oracle.dora import Truth, compute
from fawkes.harness.oracle.dora_bands import EDITIONS
from fawkes.harness.oracle.dora_facts import INCIDENT_LINK_WINDOW_S

ORIGIN = datetime(2026, 3, 1, tzinfo=UTC)
TEAMS, ENVIRONMENTS = ("payments", "search"), ("production", "staging")
TYPES = frozenset(DATA_BY_TYPE)
SECOND_US = 1_000_000
DAY_S = 86_400

# A coarse grid, so that events meet: on equal instants, exactly 24 h apart, and on the edges of the window. The
# microseconds beside it are the least that both sides tell apart.
steps = st.integers(min_value=0, max_value=12)
early = st.integers(min_value=0, max_value=4)
beside = st.sampled_from([0, 0, 0, 0, 0, 1, -1, 123_457])
# Most of it in one place, for the same reason; the others are there to be kept apart.
teams, environments = (
    st.sampled_from([TEAMS[0]] * 5 + [TEAMS[1]]),
    st.sampled_from([ENVIRONMENTS[0]] * 5 + [ENVIRONMENTS[1]]),
)
services = st.sampled_from(["checkout", "checkout", "basket"])
sources = st.sampled_from(["ci", "ci", "ci", "backfill"])
shas = st.integers(min_value=1, max_value=6).map(lambda number: f"{number:040x}")
deployment_ids = st.sampled_from(["d1", "d1", "d2", "d3"])
incident_ids = st.sampled_from(["i1", "i2", "i3"])


@st.composite
def times(draw, steps=steps):
    """RFC 3339 in six days from ORIGIN, in some zone's spelling."""
    instant = ORIGIN + timedelta(hours=12 * draw(steps), microseconds=draw(beside))
    return instant.astimezone(timezone(timedelta(hours=draw(st.sampled_from([0, 0, 2, -5]))))).isoformat()


def payloads(required, optional):
    """A team's event in one service and environment; what is optional may be absent."""
    scope = {"team": teams, "service": services, "environment": environments}
    return st.fixed_dictionaries(scope | required, optional=optional)


def completed():
    return payloads(
        {
            "deployment_id": deployment_ids,
            "commit_sha": shas,
            "status": st.sampled_from(["success", "success", "success", "failure", "cancelled"]),
        },
        {
            "attempt": st.integers(min_value=1, max_value=2),
            "kind": st.sampled_from(["normal", "normal", "rollback", "hotfix", "redeploy"]),
            "commits": st.none() | st.lists(shas, max_size=4),
            "caused_by_incident": st.none() | incident_ids,
        },
    )


DATA = {
    "commit": payloads({"sha": shas}, {"committed_at": times(early)}),
    "deployment_started": payloads({"deployment_id": deployment_ids}, {"commit_sha": shas}),
    "deployment_completed": completed(),
    "incident_created": payloads(
        {"incident_id": incident_ids},
        {"started_at": times(), "caused_by_deployment": st.none() | deployment_ids | st.just("never heard of")},
    ),
    "incident_resolved": payloads({"incident_id": incident_ids}, {"resolved_by_deployment": deployment_ids}),
}
KINDS = [*DATA, *["commit", "deployment_completed"] * 3, "incident_created", "incident_resolved"]


@st.composite
def cloudevents(draw):
    kind = draw(st.sampled_from(KINDS))
    return {
        "specversion": "1.0",
        "id": f"e{draw(st.integers(min_value=0, max_value=199))}",
        "source": draw(sources),
        "type": f"dev.fawkes.{kind}",
        "time": draw(times()),
        "data": draw(DATA[kind]),
    }


@st.composite
def histories(draw):
    """A set of up to 40 events. The size is drawn first, because a list's own sizes stay small, and little meets."""
    size = draw(st.integers(min_value=0, max_value=40))
    return draw(st.lists(cloudevents(), min_size=size, max_size=size, unique_by=lambda e: (e["source"], e["id"])))


@st.composite
def deliveries(draw):
    """A set of events, and the same with some of them twice, in another order."""
    sent = draw(histories())
    again = draw(st.lists(st.sampled_from(sent), max_size=5)) if sent else []
    return sent, draw(st.permutations([*sent, *again]))


@st.composite
def windows(draw):
    """[from, to) in seconds from ORIGIN; the whole time, or edges on which events lie."""
    first, last = sorted(draw(st.lists(steps, min_size=2, max_size=2, unique=True)))
    return draw(st.sampled_from([(-DAY_S, 30 * DAY_S), (first * DAY_S // 2, last * DAY_S // 2)]))


def state_after(arrivals):
    """What the service knows once the events have arrived in this order; the store lets each through once."""
    state, seen = State(), set()
    for attributes in arrivals:
        event = read_event(attributes, TYPES)
        if (event.source, event.id) not in seen:
            seen.add((event.source, event.id))
            state.apply(event)
    return state


def service_facts(state, team, environment):
    if team not in state.teams or environment not in state.teams[team].partitions:
        return Facts((), (), (), ())
    known = state.teams[team]
    within_us = int(INCIDENT_LINK_WINDOW_S) * SECOND_US
    return correlate(known.partitions[environment], known.commits, link_within_us=within_us)


def service_says(state, team, environment, from_s, to_s, service=None):
    facts = service_facts(state, team, environment)
    return calculate(facts, start_us=from_s * SECOND_US, end_us=to_s * SECOND_US, service=service)


def in_the_oracles_words(metrics):
    frequency, change_failure, rework = (
        metrics.deployment_frequency_per_day,
        metrics.change_failure_ratio,
        metrics.rework_ratio,
    )
    assert frequency.sample_count == change_failure.sample_count == rework.sample_count
    lead = metrics.lead_time_seconds
    recovery, restore = metrics.failed_deployment_recovery_seconds, metrics.time_to_restore_seconds
    return {
        "deployments": frequency.sample_count,
        "deployment_frequency_per_day": frequency.value,
        "lead_times": lead.sample_count,
        "lead_times_invalid": lead.invalid,
        "lead_time_p50_s": lead.p50,
        "lead_time_p95_s": lead.p95,
        "lead_time_mean_s": lead.mean,
        "change_failure_ratio": change_failure.value,
        "recoveries": recovery.sample_count,
        "recoveries_open": recovery.open,
        "failed_deployment_recovery_p50_s": recovery.p50,
        "failed_deployment_recovery_mean_s": recovery.mean,
        "restores": restore.sample_count,
        "restores_open": restore.open,
        "time_to_restore_p50_s": restore.p50,
        "time_to_restore_mean_s": restore.mean,
        "rework_ratio": rework.value,
    }


def both(state, sent, team, environment, window, service=None):
    """What the service says that is in this state, and the oracle of the events sent."""
    from_s, to_s = (int(ORIGIN.timestamp()) + edge for edge in window)
    said = in_the_oracles_words(service_says(state, team, environment, from_s, to_s, service))
    return said, asdict(Truth(sent).values(team, environment, from_s=from_s, to_s=to_s, service=service))


@pytest.mark.slow
@given(deliveries(), windows())
@settings(max_examples=300, deadline=None)
def test_service_and_oracle_agree_on_any_history_however_it_arrives(delivered, window):
    sent, arrivals = delivered
    state = state_after(arrivals)
    for team in TEAMS:
        for environment in ENVIRONMENTS:
            for service in (None, "checkout", "basket"):
                says, oracle = both(state, sent, team, environment, window, service)
                assert says == oracle, (team, environment, service)


@pytest.mark.slow
@given(deliveries(), windows())
@settings(max_examples=100, deadline=None)
def test_service_and_oracle_agree_on_the_bands(delivered, window):
    sent, arrivals = delivered
    state, truth = state_after(arrivals), Truth(sent)
    from_s, to_s = (int(ORIGIN.timestamp()) + edge for edge in window)
    for team, environment, edition in product(TEAMS, ENVIRONMENTS, EDITIONS):
        banded = classify(service_says(state, team, environment, from_s, to_s), edition)
        values = truth.values(team, environment, from_s=from_s, to_s=to_s)
        assert banded == dora_bands.classify(values, edition), (team, environment, edition)


ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham", "Africa/Cairo")
"""The histories begin on 1 March: Berlin and St John's change their clocks later in the month, Cairo in April."""


@pytest.mark.slow
@given(deliveries(), windows(), st.sampled_from(ZONES), st.sampled_from([None, "checkout"]))
@settings(max_examples=100, deadline=None)
def test_service_and_oracle_agree_on_the_calendar(delivered, window, tz, service):
    sent, arrivals = delivered
    state, truth = state_after(arrivals), Truth(sent)
    from_s, to_s = (int(ORIGIN.timestamp()) + edge for edge in window)
    for team, environment in product(TEAMS, ENVIRONMENTS):
        days = calendar_days(
            service_facts(state, team, environment),
            start_us=from_s * SECOND_US,
            end_us=to_s * SECOND_US,
            zone=ZoneInfo(tz),
            service=service,
        )
        counted = truth.calendar(team, environment, from_s=from_s, to_s=to_s, tz=tz, service=service)
        assert [(d.date, d.deployments, d.failed) for d in days] == [(d.date, d.deployments, d.failed) for d in counted]


def a_long_history(rng):
    """300 events of everything above, without shrinking but dense: percentiles need many samples to differ."""

    def one_of(*choices):
        return rng.choice(choices)

    def time(last=12):
        hours, microseconds = 12 * rng.randint(0, last), one_of(0, 0, 0, 0, 1, -1, 123_457)
        return (ORIGIN + timedelta(hours=hours, microseconds=microseconds)).isoformat()

    def sha():
        return f"{rng.randint(1, 40):040x}"

    def data(kind):
        deployment, incident = f"d{rng.randint(1, 12)}", f"i{rng.randint(1, 6)}"
        return {
            "commit": {"sha": sha(), "committed_at": time(2)},
            "deployment_completed": {
                "deployment_id": deployment,
                "attempt": one_of(1, 1, 2),
                "commit_sha": sha(),
                "commits": one_of(None, [], [sha() for _ in range(5)]),
                "status": one_of("success", "success", "failure"),
                "kind": one_of("normal", "normal", "normal", "rollback", "hotfix", "redeploy"),
                "caused_by_incident": one_of(None, None, incident),
            },
            "incident_created": {
                "incident_id": incident,
                "started_at": time(),
                "caused_by_deployment": one_of(None, None, None, deployment, "never heard of"),
            },
            "incident_resolved": {"incident_id": incident},
        }[kind]

    def event(number, kind):
        scope = {"team": one_of(*TEAMS), "service": one_of("checkout", "basket"), "environment": one_of(*ENVIRONMENTS)}
        return {
            "specversion": "1.0",
            "id": f"e{number // 2}",
            "source": f"ci{number % 2}",
            "type": f"dev.fawkes.{kind}",
            "time": time(),
            "data": scope | data(kind),
        }

    numbers = rng.sample(range(600), 300)
    kinds = ["commit", *["deployment_completed"] * 2, "incident_created", "incident_resolved"]
    return [event(number, rng.choice(kinds)) for number in numbers]


@pytest.mark.slow
def test_service_and_oracle_agree_on_long_histories():
    lead_times = 0
    for seed in range(100):
        rng = random.Random(seed)
        sent = a_long_history(rng)
        state = state_after(rng.sample([*sent, *sent[:50]], k=350))
        for team in TEAMS:
            for environment in ENVIRONMENTS:
                first = rng.randint(-2, 5)
                window = (first * DAY_S // 2, rng.randint(first + 1, 14) * DAY_S // 2)
                service, oracle = both(state, sent, team, environment, window)
                assert service == oracle, (seed, team, environment, window)
                lead_times = max(lead_times, oracle["lead_times"])
    assert lead_times >= 12  # from 10 samples on, p95 and p90 are different samples


def there(sent, kind, **data):
    """Events of one kind in the place that most of them are in, with these data."""
    scope = {"team": TEAMS[0], "service": "checkout", "environment": ENVIRONMENTS[0]} | data
    return [e for e in sent if e["type"] == f"dev.fawkes.{kind}" and scope.items() <= e["data"].items()]


def instant(event, field=None):
    return datetime.fromisoformat(event["data"].get(field) or event["time"])


def oracle_there(sent):
    return compute(sent, team=TEAMS[0], environment=ENVIRONMENTS[0], from_s=0, to_s=2 * int(ORIGIN.timestamp()))


def incident(sent):
    """Instants at which one incident was created, and those at which it was resolved."""
    return [sorted(map(instant, there(sent, f"incident_{k}", incident_id="i1"))) for k in ("created", "resolved")]


def was_reopened(sent):
    created, resolved = incident(sent)
    return bool(resolved) and any(resolved[0] < at for at in created)


def without_named_causes(sent):
    named = {e["data"]["incident_id"] for e in sent if e["data"].get("caused_by_deployment") is not None}
    return [e for e in sent if e["data"].get("incident_id") not in named]


def on_the_edge_of_the_link_window(sent):
    deployed = {instant(e) for e in there(sent, "deployment_completed", status="success")}
    unnamed = there(sent, "incident_created", caused_by_deployment=None)
    return any(instant(e, "started_at") - timedelta(days=1) in deployed for e in unnamed)


def at_one_instant(sent):
    deployed = [instant(e) for e in there(sent, "deployment_completed", status="success")]
    return len(set(deployed)) < len(deployed)


SITUATIONS = {
    "reopened and open": lambda sent: was_reopened(sent) and incident(sent)[0][-1] > incident(sent)[1][-1],
    "reopened and resolved again": lambda sent: was_reopened(sent) and incident(sent)[0][-1] < incident(sent)[1][-1],
    "cause that nobody knows": lambda sent: there(sent, "incident_created", caused_by_deployment="never heard of"),
    "linked to a deployment that it does not name": lambda sent: oracle_there(without_named_causes(sent)).recoveries,
    "24 h to the microsecond": on_the_edge_of_the_link_window,
    "deployments at one instant": at_one_instant,
    "empty list of commits": lambda sent: there(sent, "deployment_completed", status="success", commits=[]),
    "resolved before it started": lambda sent: (
        oracle_there(sent).restores + oracle_there(sent).restores_open
        < len({(e["source"], e["data"]["incident_id"]) for e in there(sent, "incident_created")})
    ),
    "negative lead time": lambda sent: oracle_there(sent).lead_times_invalid,
    "four lead times": lambda sent: oracle_there(sent).lead_times >= 4,
    "some deployments failed, some did not": lambda sent: 0 < (oracle_there(sent).change_failure_ratio or 0) < 1,
}


@pytest.mark.slow
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_histories_compared_contain(situation):
    """Otherwise the agreement above would say little. NoSuchExample is raised if none turns up."""
    generated = settings(max_examples=2000, phases=[Phase.generate], database=None, derandomize=True)
    assert SITUATIONS[situation](find(histories(), lambda sent: bool(SITUATIONS[situation](sent)), settings=generated))
