"""Durations in Prometheus' notation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fawkes.harness.duration import format_duration, parse_duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("15s", 15), ("1m30s", 90), ("5m", 300), ("1h30m", 5400), ("30d", 30 * 86400), ("0s", 0)],
)
def test_reads_prometheus_notation(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 s", "s", "1m1h", "-5m", "1.5h", "5M", 5, None, True])
def test_refuses_anything_else_and_shows_the_form(text):
    with pytest.raises(ValueError, match="250ms, 15s, 5m"):
        parse_duration_s(text)


@given(st.integers(min_value=0, max_value=400 * 86400 * 1000))
def test_formatting_and_reading_are_inverse(milliseconds):
    assert parse_duration_s(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=1e-6)
