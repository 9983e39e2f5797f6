"""Which questions are asked about bands, and what is recorded of the answers."""

import json

import pytest

from fawkes.harness.checks.dora_bands import DoraBandsExpectation
from fawkes.harness.observe import dora_bands
from fawkes.harness.observe.dora_bands import observe_dora_bands

API = "/api/v1/dora/alpha"
LEVELS = """# TYPE fawkes_dora_performance_level gauge
fawkes_dora_performance_level{team="alpha",environment="production",window="7d",metric="overall",edition="2023"} 2
fawkes_dora_performance_level{team="alpha",environment="staging",window="7d",metric="overall",edition="2023"} 1
fawkes_dora_performance_level{team="beta",environment="production",window="7d",metric="overall",edition="2023"} 0
"""


@pytest.fixture(autouse=True)
def store(monkeypatch):
    """The event store knows of one team."""
    monkeypatch.setattr(dora_bands.event_store, "select", lambda world, query, source: [("alpha",)])


@pytest.fixture
def dora(part):
    one = part("dora-0")
    one.shows(API, json.dumps({"classification": {"edition": "2023", "overall": "high"}}))
    one.shows("/metrics", LEVELS)
    return one


def observe(world, **fields):
    expect = DoraBandsExpectation.model_validate({"name": "bands", "windows": ["7d"], "within": "1s", **fields})
    observe_dora_bands(expect, world, world.record)
    return world.recorded("bands", expectation="bands")


def test_every_edition_of_every_window_and_span_is_asked_for(world, dora):
    seen = observe(world, spans=["180d"])
    asked = [params for path, params in dora.asked if path == API]
    assert [(one.get("window"), one["edition"]) for one in asked] == [
        *(("7d", edition) for edition in ("2021", "2023", "2024")),
        *((None, edition) for edition in ("2021", "2023", "2024")),
    ]
    assert asked[3]["to"] == "2026-03-01T00:00:00+00:00"
    assert asked[3]["from"] == "2025-09-02T00:00:00+00:00"
    spans = [one for one in seen if one["stage"] == "rest"][3:]
    assert {one["to_s"] - one["from_s"] for one in spans} == {180 * 86400}
    assert {one["bands"]["overall"] for one in seen if one["stage"] == "rest"} == {"high"}


def test_the_exporters_levels_are_those_of_the_team_in_production(world, dora):
    (one,) = [one for one in observe(world) if one["stage"] == "exporter"]
    assert one["levels"] == {"overall": 2.0}


@pytest.mark.parametrize("text", ["busy", "{}", '{"classification": 1}'])
def test_another_answer_is_none(world, dora, text):
    dora.shows(API, text)
    assert [one["bands"] for one in observe(world) if one["stage"] == "rest"] == [None] * 3


def test_a_service_that_is_away_leaves_null(world, away):
    away("dora-0")
    seen = observe(world)
    assert [one.get("bands", one.get("levels")) for one in seen] == [None] * 4
