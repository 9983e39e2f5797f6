"""Asking a query API over real HTTP: vectors, raw samples, and every way of not answering."""

import pytest
from prometheus_api_client.exceptions import PrometheusApiClientException

from fawkes.harness.observe.promql import (
    DEDUPLICATED,
    NO_ANSWER,
    Sample,
    Series,
    instant,
    raw_samples,
    samples_since_start,
)

PART = "prometheus-core-0"


def test_an_instant_vector(world, part):
    part(PART).answers("up", [{"metric": {"job": "a"}, "value": [1.5, "1"]}, {"metric": {}, "value": [1.5, "NaN"]}])
    first, second = instant(world, PART, "up")
    assert first == Sample({"job": "a"}, 1.0)
    assert second.value != second.value


def test_nothing_found_is_an_empty_vector(world, part):
    part(PART)
    assert instant(world, PART, "up") == []


def test_one_question_is_one_request_with_its_parameters(world, part):
    asked = part(PART)
    instant(world, PART, "up", DEDUPLICATED)
    assert asked.asked == [("/api/v1/query", {"query": "up", **DEDUPLICATED})]


def test_raw_samples_are_asked_for_by_a_range_selector(world, part):
    part(PART).answers("up[5m]", [{"metric": {"job": "a"}, "values": [[1.25, "0"], [2.5, "1e3"]]}])
    assert raw_samples(world, PART, "up", "5m") == [Series({"job": "a"}, [[1.25, 0.0], [2.5, 1000.0]])]


def test_a_refusal_is_no_answer_and_is_not_retried(world, part):
    asked = part(PART)
    asked.shows("up", '{"status": "error", "error": "overloaded"}', status=503)
    with pytest.raises(PrometheusApiClientException, match="503"):
        instant(world, PART, "up")
    assert len(asked.asked) == 1


def test_silence_is_no_answer(world, away):
    away(PART)
    with pytest.raises(NO_ANSWER):
        instant(world, PART, "up")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "busy",
        "[]",
        '{"status": "success"}',
        '{"data": {"result": null}}',
        '{"data": {"result": [{"metric": {}}]}}',
        '{"data": {"result": [{"metric": {}, "value": [1, "x"], "values": [[1, "x"]]}]}}',
        '{"data": {"result": [{"metric": {}, "value": [1], "values": [[1]]}]}}',
    ],
)
def test_nonsense_is_no_answer(world, part, text):
    part(PART).shows("up", text)
    world_of_ranges = part("thanos-query-0")
    world_of_ranges.shows("up[1h]", text)
    with pytest.raises(NO_ANSWER):
        instant(world, PART, "up")
    with pytest.raises(NO_ANSWER):
        raw_samples(world, "thanos-query-0", "up", "1h")


def test_a_proxy_of_the_environment_is_not_asked(world, part, nobody, monkeypatch):
    monkeypatch.setenv("http_proxy", nobody)
    monkeypatch.delenv("no_proxy", raising=False)
    part(PART)
    assert instant(world, PART, "up") == []


def test_since_the_start_reaches_a_minute_further(world, part):
    world.clock.wait(30.4)
    prometheus = part(PART)
    prometheus.answers("up[90s]", [{"metric": {"job": "a"}, "values": [[1.5, "1"]]}])
    assert samples_since_start(world, PART, "up") == [Series({"job": "a"}, [[1.5, 1.0]])]
