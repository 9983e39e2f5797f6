"""The spec becomes an organisation whose answers don't depend on the moment, and everything is sent."""

import itertools
import json
import threading
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import httpx
import pytest
from pydantic import ValidationError

from fawkes.harness.eventually import eventually, poll_for
from fawkes.harness.oracle.dora import Truth
from fawkes.load.organisation.driver import WINDOWS_S, OrganisationDriver, OrganisationSpec, organisation_of
from still_clock import StillClock

NOW_S = 1_772_618_400.5  # Wednesday, 10:00 UTC; no weekend 7, 30 or 90 days before either


def spec(**fields):
    return OrganisationSpec.model_validate({"do": "organisation", "teams": 3, "days": 40, **fields})


def drive(answer=lambda event: 201, **fields):
    """(kind, data) of every record, and the clock."""
    clock, lock, records = StillClock(), threading.Lock(), []

    def record(kind, /, **data):
        with lock:
            records.append((kind, data))

    transport = httpx.MockTransport(lambda request: httpx.Response(answer(json.loads(request.content))))
    with httpx.Client(transport=transport) as http:
        world = SimpleNamespace(
            run_id="run-1",
            seed=7,
            http=http,
            replicas=lambda app: ["dora-0"],
            url=lambda part: "http://dora.test",
            secret=lambda name: "key",
            now_s=lambda: NOW_S + clock.passed_s,
            poll_for=partial(poll_for, clock=clock),
            eventually=lambda what, probe, expect, *, within_s: eventually(
                what, probe, expect, within_s=within_s, clock=clock
            ),
        )
        OrganisationDriver().run(spec(**fields), world, record)
    return records, clock


def test_everything_is_sent_and_on_record():
    records, _ = drive()
    made = list(organisation_of(spec(), seed=7, run_id="run-1", now_s=NOW_S).events())
    assert sorted(data["event"]["id"] for _, data in records) == sorted(e["id"] for e in made)


def test_conflicts_are_recorded_as_such():
    records, _ = drive(delivery={"conflict_percent": 20})
    kinds = {kind for kind, _ in records}
    assert kinds == {"event", "conflict"}


def test_a_rate_spreads_the_events_over_time():
    records, clock = drive(rate_per_s=50)
    assert clock.passed_s == pytest.approx((len(records) - 1) / 50)


def test_no_answer_changes_within_half_an_hour():
    """Of a team in Berlin that deploys before noon, when the windows begin; it would, were their edges not quiet."""
    there = organisation_of(spec(days=91, teams=1, deployments_per_day=6), seed=7, run_id="r", now_s=NOW_S)
    before_noon = replace(there.parameters, pace_sigma=0.0, hour_weights=[0] * 11 + [1] + [0] * 12)
    quiet = replace(there, parameters=before_noon)
    assert differing(quiet) == []
    assert differing(replace(quiet, quiet_s=())) != []


def differing(organisation):
    """The windows that say something else half an hour later, with the team."""
    truth = Truth(organisation.events())

    def values(team, window_s, at_s):
        return truth.values(team, "production", from_s=at_s - window_s, to_s=at_s)

    asked = itertools.product(truth.teams, WINDOWS_S)
    return [(team, w) for team, w in asked if values(team, w, NOW_S) != values(team, w, NOW_S + 1790)]


def test_it_adds_no_parts():
    assert OrganisationDriver().components(spec(), SimpleNamespace()) == ()


@pytest.mark.parametrize("wrong", [{"teams": 0}, {"ugly": ["unheard_of"]}, {"days": 400}, {"connections": 0}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        spec(**wrong)
