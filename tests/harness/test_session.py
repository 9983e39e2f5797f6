"""Scenarios that a venue turns out not to be able to run: skipped with the reason, asked once, and not in vain."""

import pytest

from fawkes.harness.composition import scenario_loader
from fawkes.harness.model import Verdict
from fawkes.harness.providers.base import ABILITIES, FOUND_OUT
from fawkes.harness.rundir import Planned
from fawkes.harness.session import Session, Wish, skip_what_is_lacking
from fawkes.harness.toolchain import PLATFORM_BINARIES
from live_world import built

EXPECT = {"check": "targets", "name": "t", "jobs": ["j"]}


class Venue:
    """An open venue with or without somebody who enforces policies."""

    def __init__(self, why):
        self._why, self.asked = why, []

    def lacks(self, ability):
        self.asked.append(ability)
        return self._why


def planned(**needs):
    """Name -> needs; and each as it is planned."""
    values = {
        name: {"claim": "a claim that is long", "needs": list(words), "expect": [EXPECT]}
        for name, words in needs.items()
    }
    scenarios = {name: (scenario_loader().restore(value, name), value) for name, value in values.items()}
    return [Planned(name, value) for name, value in values.items()], scenarios


def skipped(venue, plan, scenarios):
    return {one.name: one.skipped for one in skip_what_is_lacking(plan, scenarios, venue, lambda _: None)}


def test_what_needs_it_is_skipped_with_what_was_seen():
    venue = Venue("one pod still reached the other")
    plan = planned(smoke=["kubernetes"], policies=["kubernetes", "network_policy"], more=["network_policy"])
    why = "no network_policy here: one pod still reached the other"
    assert skipped(venue, *plan) == {"smoke": None, "policies": why, "more": why}
    assert venue.asked == ["network_policy"]


def test_where_it_is_to_be_had_nothing_is_skipped():
    assert skipped(Venue(None), *planned(policies=["network_policy"])) == {"policies": None}


def test_nobody_tries_what_no_scenario_needs():
    venue = Venue("")
    (smoke, policies), scenarios = planned(smoke=["kubernetes"], policies=["network_policy"])
    already = Planned(policies.name, policies.value, skipped="no cluster")
    assert skipped(venue, [smoke, already], scenarios) == {"smoke": None, "policies": "no cluster"}
    assert venue.asked == []


@pytest.mark.parametrize("ability", FOUND_OUT)
def test_what_is_found_out_is_an_ability_too(ability):
    assert ability in ABILITIES


def test_a_scenario_of_another_profile_is_skipped_with_the_option_that_runs_it(tmp_path):
    built(*PLATFORM_BINARIES)
    value = {"claim": "a claim that is long", "profiles": ["nightly"], "expect": [EXPECT]}
    scenario = scenario_loader().restore(value, "s")
    session = Session({"s": (scenario, value)}, Wish(runs=tmp_path), lambda _: None, lambda _: None)
    result = session.finish()
    assert session.skipped == {"s": "not under profile ci; `--profile nightly` runs it"}
    assert (result.verdict, result.scenarios[0].skipped) == (Verdict.INCONCLUSIVE, session.skipped["s"])
