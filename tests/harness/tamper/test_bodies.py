"""Edits of bodies: everything that should change does, and nothing else."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fawkes.harness.tamper.bodies import corrupt_answer, zero_samples

EXPOSITION = r"""# HELP fawkes_deployment_total Deployments 5
# TYPE fawkes_deployment_total counter
fawkes_deployment_total{team="a b",text="with } and \" 7"} 12 1700000000000
fawkes_deployment_total 3.5e+02
other_fawkes_deployment_total{} 7
fawkes_lead_time_seconds_bucket{le="+Inf"} 9 # {trace="x"} 0.5 1700000000.1
fawkes_nan NaN
# EOF
"""


def test_matching_samples_become_zero_with_labels_and_stamps_kept():
    assert zero_samples(EXPOSITION, re.compile("fawkes_.*")) == (
        r"""# HELP fawkes_deployment_total Deployments 5
# TYPE fawkes_deployment_total counter
fawkes_deployment_total{team="a b",text="with } and \" 7"} 0 1700000000000
fawkes_deployment_total 0
other_fawkes_deployment_total{} 7
fawkes_lead_time_seconds_bucket{le="+Inf"} 0 # {trace="x"} 0.5 1700000000.1
fawkes_nan 0
# EOF
"""
    )


def test_a_pattern_must_match_the_whole_name():
    assert zero_samples("abc 1\nabcd 1\n", re.compile("abc")) == "abc 0\nabcd 1\n"


def answer(kind, result):
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()


def result(body):
    return json.loads(body)["data"]["result"]


finite = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**80), 2**80).map(float))


@given(finite)
def test_every_finite_number_changes(value):
    ((_, changed),) = [result(corrupt_answer(answer("scalar", [1.5, repr(value)])))]
    assert float(changed) != value


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_what_is_not_finite_becomes_zero(text):
    assert result(corrupt_answer(answer("scalar", [1.5, text]))) == [1.5, "0"]


def test_all_shapes_of_answers_keep_labels_and_stamps():
    vector = [{"metric": {"a": "1"}, "value": [1.5, "2"]}, {"metric": {}, "value": [1.5, "0.25"]}]
    assert result(corrupt_answer(answer("vector", vector))) == [
        {"metric": {"a": "1"}, "value": [1.5, "4"]},
        {"metric": {}, "value": [1.5, "1.25"]},
    ]
    matrix = [{"metric": {"a": "1"}, "values": [[1, "1"], [2, "-3"]]}]
    assert result(corrupt_answer(answer("matrix", matrix))) == [{"metric": {"a": "1"}, "values": [[1, "2"], [2, "0"]]}]


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[1]", b"{}", b'{"status":"error","error":"x"}', answer("string", [1, "5"])]
)
def test_anything_else_stays_as_it_is(body):
    changed = corrupt_answer(body)
    assert changed == body or json.loads(changed) == json.loads(body)


def test_the_largest_number_still_changes():
    assert float(result(corrupt_answer(answer("scalar", [1, "1.7976931348623157e+308"])))[1]) == math.inf
