"""The month is told once and partly again, what must be refused comes after it, and no secret is on record."""

import json
from collections import Counter
from types import SimpleNamespace

import httpx
import pytest
from pydantic import ValidationError

from fawkes.harness.eventually import eventually
from fawkes.harness.oracle.dora import Truth
from fawkes.harness.senders import SENDERS, TEAMS
from fawkes.load.native.driver import NativeSenders, NativeSendersSpec, month
from fawkes.load.native.words import as_known
from still_clock import StillClock

NOW_S = 1_772_618_400.5
SPEC = NativeSendersSpec(do="native_senders")


@pytest.fixture(scope="module")
def told():
    """(records by kind, requests) of one run against a service that takes everything."""
    clock, records, requests = StillClock(), {"event": [], "conflict": [], "refusal": []}, []

    def take(request):
        requests.append(request)
        return httpx.Response(201)

    with httpx.Client(transport=httpx.MockTransport(take)) as http:
        world = SimpleNamespace(
            run_id="run-1",
            seed=7,
            http=http,
            replicas=lambda app: ["dora-0"],
            url=lambda part: "http://dora.test",
            secret=lambda name: f"secret of {name}",
            now_s=lambda: NOW_S,
            eventually=lambda what, probe, expect, *, within_s: eventually(
                what, probe, expect, within_s=within_s, clock=clock
            ),
        )
        NativeSenders().run(SPEC, world, lambda kind, /, **data: records[kind].append(data))
    return records, requests


def test_every_sender_speaks_and_a_tenth_comes_again(told):
    records, requests = told
    assert {*SENDERS, "commit", "build", "deployment", "incident"} == {data["kind"] for data in records["event"]}
    times = Counter(data["event"]["id"] for data in records["event"])
    assert set(times.values()) == {1, 2}
    assert sum(n == 2 for n in times.values()) == -(-len(times) // 10)
    assert len(requests) == sum(map(len, records.values()))


def test_the_oracle_is_told_the_month_as_the_tools_know_it(told):
    happened = {e["id"]: as_known(tools, e) for tools, e in month(SPEC, seed=7, run_id="run-1", now_s=NOW_S)}
    assert {data["event"]["id"]: data["event"] for data in told[0]["event"]} == happened


def test_each_team_has_every_value_and_failed_attempts(told):
    events = [data["event"] for data in told[0]["event"]]
    truth = Truth(events)
    assert sorted(truth.teams) == sorted(TEAMS.values())
    for team in truth.teams:
        values = truth.values(team, "production", from_s=NOW_S - 30 * 86400, to_s=NOW_S)
        assert values.lead_times > 5, team
        assert min(values.recoveries, values.restores) > 1, team
        assert [e for e in events if e["data"]["team"] == team and e["data"].get("status") == "failure"], team


def test_a_contradiction_is_of_something_that_was_said(told):
    (conflict,) = told[0]["conflict"]
    (said,) = {json.dumps(d["event"]) for d in told[0]["event"] if d["event"]["id"] == conflict["event"]["id"]}
    assert json.loads(said)["data"]["status"] == "success"
    assert conflict["event"]["data"]["status"] == "failure"


def test_each_sender_must_refuse_something(told):
    of = {(data["kind"], data["wrong"]) for data in told[0]["refusal"]}
    assert of == {(sender, wrong) for sender in (*SENDERS, "commit") for wrong in ("proof", "name")}


def test_no_secret_is_on_record(told):
    assert "secret of" not in json.dumps(told[0])


def test_it_adds_no_parts():
    assert NativeSenders().components(SPEC, SimpleNamespace()) == ()


@pytest.mark.parametrize("wrong", [{"days": 6}, {"days": 400}, {"teams": 2}])
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        NativeSendersSpec.model_validate({"do": "native_senders", **wrong})
