"""A script's values are a pure function of elapsed time, and a script that makes no sense is refused with a remedy."""

import pytest
from pydantic import ValidationError

from fawkes.harness.script import Script


def script(*series, silent=()):
    return Script.model_validate({"series": list(series), "silent": list(silent)})


def shown(it, elapsed_s):
    return {series.name: value for series, value in it.showing(elapsed_s)}


STEPS = {"name": "x", "steps": [{"at": "1m", "value": 5}, {"at": "2m", "value": None}, {"at": "3m", "value": 0.9}]}


@pytest.mark.parametrize(
    ("elapsed_s", "values"),
    [
        (0, {}),
        (59.9, {}),
        (60, {"x": 5}),
        (119.9, {"x": 5}),
        (120, {}),
        (179, {}),
        (180, {"x": 0.9}),
        (1e6, {"x": 0.9}),
    ],
)
def test_a_series_is_born_changes_goes_and_returns_at_its_steps(elapsed_s, values):
    assert shown(script(STEPS), elapsed_s) == values


def test_a_counter_grows_from_each_step_by_its_rate():
    counter = {"name": "c_total", "type": "counter", "steps": [
        {"at": "0s", "value": 10, "rate_per_s": 2}, {"at": "1m", "value": 0, "rate_per_s": 0.5},
    ]}  # fmt: skip
    it = script(counter)
    assert [shown(it, at_s)["c_total"] for at_s in (0, 30, 59, 60, 80)] == [10, 70, 128, 0, 10]


def test_before_the_beginning_the_page_stands_still():
    counter = {"name": "c_total", "type": "counter", "steps": [{"at": "0s", "value": 10, "rate_per_s": 2}]}
    assert shown(script(counter), -500.0) == {"c_total": 10}


@pytest.mark.parametrize(
    ("from_s", "until_s", "ranges"),
    [
        (0, 30, []), (0, 60, [(5, 5)]), (60, 119, [(5, 5)]), (130, 170, []), (100, 200, [(5, 5), (0.9, 0.9)]), (-9, -1, []),
    ],
)  # fmt: skip
def test_what_may_have_been_seen_in_a_time(from_s, until_s, ranges):
    assert script(STEPS).series[0].shown(from_s, until_s) == ranges


def test_what_may_have_been_seen_of_a_growing_series():
    growing = {"name": "c_total", "steps": [{"at": "0s", "value": 10, "rate_per_s": 2}, {"at": "1m", "value": 0}]}
    assert script(growing).series[0].shown(20, 30) == [(50, 70)]
    assert script(growing).series[0].shown(50, 70) == [(110, 130), (0, 0)]


def test_silence_begins_and_ends_at_its_times():
    it = script(silent=[{"at": "1m", "lasts": "30s"}, {"at": "5m", "lasts": "1m"}])
    assert [it.answers(at_s) for at_s in (59.9, 60, 89.9, 90, 300, 359, 360)] == [
        True,
        False,
        False,
        True,
        False,
        False,
        True,
    ]


def test_it_ends_with_the_last_step_or_silence():
    assert script(STEPS).ends_s() == 180
    assert script(STEPS, silent=[{"at": "5m", "lasts": "1m"}]).ends_s() == 360
    assert script().ends_s() == 0


def test_it_reads_back_what_it_wrote():
    it = script(
        STEPS,
        {"name": "x", "labels": {"a": 'q"'}, "steps": [{"at": "250ms", "value": 1}]},
        silent=[{"at": "5m", "lasts": "1m"}],
    )
    assert Script.model_validate_json(it.model_dump_json()) == it
    assert Script.model_validate(it.model_dump(mode="json")) == it


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"name": "x", "steps": [{"at": "2m", "value": 1}, {"at": "1m", "value": 2}]},
            "a step at 1m after the one at 2m",
        ),
        ({"name": "x", "steps": [{"at": "1m", "value": 1}, {"at": "1m", "value": 2}]}, "put the steps in order"),
        ({"name": "x", "steps": []}, "at least 1 item"),
        ({"name": "x y", "steps": [{"at": "0s", "value": 1}]}, "should match pattern"),
        ({"name": "x", "labels": {"a-b": ""}, "steps": [{"at": "0s", "value": 1}]}, "should match pattern"),
        ({"name": "x", "steps": [{"at": 5, "value": 1}]}, "is not a duration"),
        ({"name": "x", "steps": [{"at": "0s"}]}, "Field required"),
    ],
)
def test_a_wrong_series_is_refused(wrong, says):
    with pytest.raises(ValidationError, match=says):
        script(wrong)


def test_a_series_that_stands_twice_or_with_two_types_is_refused():
    steps = [{"at": "0s", "value": 1}]
    with pytest.raises(ValidationError, match="x stands twice"):
        script({"name": "x", "labels": {"a": "1"}, "steps": steps}, {"name": "x", "labels": {"a": "1"}, "steps": steps})
    with pytest.raises(ValidationError, match="a name has one type"):
        script({"name": "x", "steps": steps}, {"name": "x", "labels": {"a": "1"}, "type": "counter", "steps": steps})
