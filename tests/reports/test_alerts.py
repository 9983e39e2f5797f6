"""What reports say of alerts: counts that hide nothing, the worst first, and how long each step took."""

import dataclasses

import pytest

from fawkes.harness.model import AlertCoverage, AlertSighting, Passage, ShippedAlert, Verdict
from fawkes.reports.alerts import alert_counts, alert_rows, receivers, unit_tests, ways


def test_the_counts_name_what_is_not_covered(mixed, green):
    assert alert_counts(mixed) == (
        "6 shipped, 4 unit-tested, 2 fired, 1 resolved, 2 delivered, 3 kept quiet when they had to; "
        "not covered: PlatformServiceAbsent"
    )
    assert alert_counts(green).endswith("; every one is covered")


def test_a_run_that_touches_no_alert_says_so_in_one_word(mixed):
    untouched = tuple(dataclasses.replace(row, sightings=()) for row in mixed.alerts)
    assert alert_counts(dataclasses.replace(mixed, alerts=untouched)).endswith("; not covered: all")


def test_failed_alerts_come_first_and_proved_ones_last(mixed):
    verdicts = [row.verdict for row in alert_rows(mixed)]
    assert verdicts == [Verdict.FAIL, Verdict.INCONCLUSIVE, None, Verdict.PASS, Verdict.PASS, Verdict.PASS]


@pytest.mark.parametrize(
    ("firing", "quiet", "words"),
    [
        (True, True, "firing and quiet"),
        (True, False, "firing only"),
        (False, True, "quiet only"),
        (False, False, "none"),
    ],
)
def test_unit_tests_are_told_in_words(firing, quiet, words):
    assert unit_tests(AlertCoverage(ShippedAlert("A", "r", "g", "s", firing, quiet), ())) == words


def way(raised, cleared=None, factor=60.0):
    passages = [tuple(Passage(place, 1000 + at_s) for place, at_s in one.items()) for one in (raised, cleared or {})]
    sighting = AlertSighting("s", Verdict.PASS, factor, *passages)
    (found,) = ways([AlertCoverage(ShippedAlert("A", "r", "g", "s", True, True), (sighting,))])
    return found


def live(steps):
    return {place: (step.since, round(step.live_s, 3)) for place, step in steps.items()}


def test_a_step_is_measured_from_the_place_before():
    raised = {"condition": 0, "pending": 0.5, "firing": 5.5, "alertmanager": 5.6, "email": 6.2, "mattermost": 6.1}
    found = way(raised, {"condition": 20, "inactive": 20.4, "email": 21})
    assert live(found.raised) == {
        "pending": ("condition", 0.5),
        "firing": ("pending", 5),
        "alertmanager": ("firing", 0.1),
        "email": ("alertmanager", 0.6),
        "mattermost": ("alertmanager", 0.5),
    }
    assert live(found.cleared) == {"inactive": ("condition", 0.4), "email": ("inactive", 0.6)}
    assert found.raised["firing"].platform_s == pytest.approx(300)
    assert receivers([found]) == ["email", "mattermost"]


def test_a_receiver_is_measured_from_firing_where_alertmanager_was_not_seen():
    assert live(way({"firing": 5, "email": 6}).raised) == {"email": ("firing", 1)}


def test_what_has_no_place_before_it_has_no_step():
    assert live(way({"firing": 5, "pagerduty": 7}).raised) == {"pagerduty": ("firing", 2)}
    assert way({"firing": 5}, {"inactive": 9}).cleared == {}


def test_an_alert_that_never_fired_has_no_way(mixed):
    assert [(one.alert, one.sighting.scenario) for one in ways(mixed.alerts)] == [
        ("PlatformServiceDown", "alert_platform_service_down"),
        ("DoraDeploymentsStopped", "dora_golden"),
    ]
