"""A stored sample is right when the script showed it at some moment of the sample's scrape, and wrong otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fawkes.harness.checks.exposed import Exposed
from fawkes.harness.model import Record

# A clock 60 times as fast: scrapes every 0.5 s, the script's 5 minutes are 5 s.
DATA = {
    "part": "node-exporter-0",
    "began_s": 1000.0,
    "clock_factor": 60.0,
    "series": [
        {"name": "used", "steps": [{"at": "0s", "value": 1}, {"at": "5m", "value": 2}, {"at": "10m", "value": None}]},
        {"name": "c_total", "labels": {"pod": "app-1"}, "steps": [{"at": "0s", "value": 0, "rate_per_s": 0.1}]},
        {"name": "c_total", "labels": {"pod": "app-1", "uid": "u"}, "steps": [{"at": "0s", "value": 7}]},
    ],
    "silent": [{"at": "20m", "lasts": "5m"}],
}
EXPOSED = Exposed.of(Record(0.0, 0.0, "exposed", DATA))
OWN = {"pod": "node-exporter-0", "instance": "127.0.0.1:9100"}


def wrong(name, *samples, **labels):
    return EXPOSED.wrong_sample({"__name__": name, **OWN, **labels}, samples, 0.5)


def test_what_was_shown_is_right_before_at_and_after_each_step():
    assert wrong("used", [900.0, 1], [1004.9, 1], [1004.9, 2], [1005.0, 2], [1009.9, 2]) is None


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        ([900.0, 2], "used was 2 0 s into the script, which showed 1"),
        ([1004.4, 2], "which showed 1"),
        ([1005.1, 1], "used was 1 306 s into the script, which showed 2"),
        ([1010.1, 2], "which showed nothing"),
    ],
)
def test_another_value_is_wrong(sample, says):
    assert says in wrong("used", [1004.0, 1], sample)


def test_a_growing_value_is_right_within_its_scrape():
    assert wrong("c_total", [1010.0, 60.0], [1010.0, 63.0], pod="app-1") is None
    assert "c_total was 59.7" in wrong("c_total", [1010.0, 59.7], pod="app-1")
    assert wrong("c_total", [1010.0, 63.3], pod="app-1") is not None


def test_the_series_with_the_most_labels_is_meant_and_other_pods_are_not_judged():
    assert wrong("c_total", [1010.0, 7], pod="app-1", uid="u") is None
    assert wrong("c_total", [1010.0, 60], pod="app-1", uid="u") is not None
    assert wrong("c_total", [1010.0, 99], pod="app-2") is None
    assert wrong("used", [1010.0, 99], pod="node-exporter-1") is None


def test_up_follows_the_silence():
    assert wrong("up", [1019.9, 1], [1019.9, 0], [1022.0, 0], [1024.9, 0], [1024.9, 1], [1025.0, 1]) is None
    assert "which showed 0" in wrong("up", [1022.0, 1])
    assert "which showed 1" in wrong("up", [1019.0, 0])
    assert wrong("up", [1022.0, 1], pod="node-exporter-1") is None


def test_a_series_that_was_shown_and_not_stored_is_named():
    used, app = {"__name__": "used", **OWN}, {"__name__": "c_total", "pod": "app-1"}
    assert EXPOSED.missing('used{pod="node-exporter-0"}', {"pod": "node-exporter-0"}, [used]) is None
    assert EXPOSED.missing('used{pod="node-exporter-0"}', {"pod": "node-exporter-0"}, [app]) == "used"
    assert EXPOSED.missing("c_total{}", {"pod": "app-1"}, [app]) == "c_total"  # the one with the uid
    assert EXPOSED.missing("c_total{}", {"pod": "app-1"}, [app, app | {"uid": "u"}]) is None
    assert EXPOSED.missing("c_total{}", {"pod": "app-2"}, []) is None
    assert EXPOSED.missing("up{}", {}, []) is None


def test_what_was_stored_in_the_silence_is_wrong():
    assert wrong("c_total", [1019.9, 119.5], [1025.0, 150.0], pod="app-1") is None
    assert "which showed nothing" in wrong("c_total", [1022.0, 132.0], pod="app-1")


# --- any script, any scrape -----------------------------------------------------------------------------------

SECONDS = st.integers(0, 1200)
STEPS = st.lists(
    st.tuples(SECONDS, st.one_of(st.none(), st.integers(0, 9)), st.sampled_from([0.0, 0.0, 0.5, 2.0])),
    min_size=1,
    max_size=5,
    unique_by=lambda step: step[0],
)


@given(steps=STEPS, due_s=st.floats(0, 25), delay=st.floats(0, 1), factor=st.sampled_from([1.0, 60.0, 120.0]))
def test_whatever_was_shown_during_the_scrape_is_right_and_nothing_else_is(steps, due_s, delay, factor):
    scrape_s = 30.0 / factor
    series = {
        "name": "x",
        "steps": [
            {"at": f"{at_s}s", "value": value, "rate_per_s": rate}
            for at_s, value, rate in sorted(steps, key=lambda s: s[0])
        ],
    }
    data = DATA | {"clock_factor": factor, "series": [series], "silent": []}
    exposed = Exposed.of(Record(0.0, 0.0, "exposed", data))
    due_s, shown_s = 1000.0 + due_s * 60.0 / factor, (due_s * 60.0 / factor + delay * scrape_s) * factor
    value = exposed.script.series[0].value_at(shown_s)
    labels = {"__name__": "x", **OWN}
    if value is not None:
        assert exposed.wrong_sample(labels, [[due_s, value]], scrape_s) is None
    highest = max([high for _, high in exposed.script.series[0].shown(0, 3600)], default=0.0)
    assert exposed.wrong_sample(labels, [[due_s, highest + 1]], scrape_s) is not None
