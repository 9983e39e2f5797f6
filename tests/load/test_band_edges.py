"""The teams stand where their names say, on both sides of every edge of every edition."""

import json
import threading
from collections import defaultdict
from types import SimpleNamespace

import httpx
import pytest

from fawkes.fixtures.services.dora.events import DATA_BY_TYPE, read_event
from fawkes.harness.checks.dora_bands import DoraBandsExpectation, check_dora_bands
from fawkes.harness.checks.dora_values import LEVELS
from fawkes.harness.duration import parse_duration_s
from fawkes.harness.model import History, Record, Verdict
from fawkes.harness.oracle.dora import Truth
from fawkes.harness.oracle.dora_bands import EDITIONS, classify
from fawkes.load.band_edges import BandEdges, BandEdgesSpec, band_events

NOW_S, DAY_S = 1_772_323_200, 86_400
EVENTS = list(band_events("run-1", NOW_S))
TRUTH = Truth(EVENTS)


def values(team, days, at_s=NOW_S):
    return TRUTH.values(team, "production", from_s=at_s - days * DAY_S, to_s=at_s)


def bands(team, edition, days=30):
    return classify(values(team, days), edition)


@pytest.mark.parametrize("edge_s", [3600, DAY_S, 7 * DAY_S, 30 * DAY_S, 180 * DAY_S])
def test_lead_times_are_on_the_edge_and_a_microsecond_below(edge_s):
    assert values(f"band-lead-{edge_s}-at", 30).lead_time_p50_s == edge_s
    assert values(f"band-lead-{edge_s}-below", 30).lead_time_p50_s == edge_s - 1e-6


@pytest.mark.parametrize("edge_s", [3600, DAY_S, 7 * DAY_S])
def test_recoveries_are_on_the_edge_and_a_microsecond_below(edge_s):
    for side, took_s in (("at", edge_s), ("below", edge_s - 1e-6)):
        got = values(f"band-recovery-{edge_s}-{side}", 30)
        assert got.failed_deployment_recovery_p50_s == got.time_to_restore_p50_s == took_s


@pytest.mark.parametrize("percent", [5, 10, 15, 20, 30])
def test_failure_ratios_are_on_the_edge_and_just_above(percent):
    assert values(f"band-failure-{percent}-at", 30).change_failure_ratio == percent / 100
    assert percent / 100 < values(f"band-failure-{percent}-above", 30).change_failure_ratio < 1.06 * percent / 100


def test_frequencies_are_on_each_edge_and_on_its_other_side():
    def per_day(team, days):
        return values(team, days).deployment_frequency_per_day

    assert (per_day("band-daily-at", 30), per_day("band-daily-above", 30)) == (1.0, 31 / 30)
    assert per_day("band-weekly-below", 30) < 1 / 7 == per_day("band-weekly-at", 7)
    assert per_day("band-monthly-below", 90) < 1 / 30 == per_day("band-weekly-at", 30)
    assert per_day("band-half-yearly", 181) < 1 / 180 == per_day("band-half-yearly", 180)


def seen(days, edition):
    """What a right platform shows of every team over so many days."""
    about = {"expectation": "bands", "source": "dora-0", "from_s": float(NOW_S - days * DAY_S), "to_s": float(NOW_S)}
    for team in TRUTH.teams:
        place = {**about, "team": team, "window": f"{days}d"}
        given = classify(values(team, days), edition)
        yield Record(NOW_S, 0.0, "bands", {**place, "stage": "rest", "edition": edition, "bands": given})
        if edition == "2023":
            levels = {metric: LEVELS[band] for metric, band in given.items() if band in LEVELS}
            yield Record(NOW_S, 0.0, "bands", {**place, "stage": "exporter", "levels": levels})


def test_every_band_is_reached_in_every_edition_so_that_the_check_can_pass():
    sent = [Record(NOW_S, 0.0, "event", {"event": e, "kind": "x", "status": 201, "ack": "stored"}) for e in EVENTS]
    shown = [record for days in (7, 30, 90, 180, 181) for edition in EDITIONS for record in seen(days, edition)]
    found = check_dora_bands(DoraBandsExpectation(name="bands"), History([*sent, *shown]))
    assert found.verdict is Verdict.PASS, found.reason


def test_both_sides_of_an_edge_are_different_bands_in_some_edition():
    sides = defaultdict(set)
    for team in TRUTH.teams:
        edge, _, side = team.rpartition("-")
        if side in ("at", "above", "below") and f"{edge}-at" in TRUTH.teams:
            days = 7 if team == "band-weekly-at" else 90 if team == "band-monthly-below" else 30
            sides[edge].add(tuple(bands(team, edition, days)["overall"] for edition in EDITIONS)
                            + tuple(tuple(bands(team, e, days).values()) for e in EDITIONS))  # fmt: skip
    pairs = {edge: found for edge, found in sides.items() if len(found) > 1}
    assert len(pairs) == 5 + 3 + 5 + 2


@pytest.mark.parametrize("window", ["7d", "30d", "90d", "180d"])
def test_no_band_changes_within_an_hour(window):
    days = int(parse_duration_s(window) / DAY_S)
    for team in TRUTH.teams:
        early, late = values(team, days), values(team, days, NOW_S + 3600)
        assert early == late


def test_the_service_takes_every_event_and_no_identity_comes_twice():
    for event in EVENTS:
        read_event(event, frozenset(DATA_BY_TYPE))
    assert len({event["id"] for event in EVENTS}) == len(EVENTS)
    assert not {event["id"] for event in EVENTS} & {event["id"] for event in band_events("run-2", NOW_S)}


def test_everything_is_sent_and_on_record():
    lock, records = threading.Lock(), []

    def record(kind, /, **data):
        with lock:
            records.append(data)

    transport = httpx.MockTransport(lambda request: httpx.Response(201, text=json.dumps({})))
    with httpx.Client(transport=transport) as http:
        world = SimpleNamespace(
            run_id="run-1",
            http=http,
            replicas=lambda app: ["dora-0"],
            url=lambda part: "http://dora.test",
            secret=lambda name: "key",
            now_s=lambda: float(NOW_S),
            eventually=lambda what, probe, expect, *, within_s: probe(),
        )
        BandEdges().run(BandEdgesSpec(do="band_edges"), world, record)
    assert sorted(r["event"]["id"] for r in records) == sorted(event["id"] for event in EVENTS)
