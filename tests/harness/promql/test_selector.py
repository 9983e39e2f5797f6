"""Selectors as PromQL reads them, checked by a PromQL parser."""

import promql_parser
import pytest

from fawkes.harness.promql.selector import narrowed, selector


def test_labels_stand_in_their_order():
    assert selector("up", {"job": "a", "team": "b"}) == 'up{job="a",team="b"}'


@pytest.mark.parametrize("value", ["plain", 'a "quoted" word', "back\\slash", "two\nlines", "ü{}"])
def test_any_value_is_read_back_as_it_was(value):
    parsed = promql_parser.parse(selector("up", {"job": value}))
    (matcher,) = parsed.matchers.matchers
    assert (parsed.name, matcher.name, matcher.value) == ("up", "job", value)


@pytest.mark.parametrize(
    ("written", "labels", "narrow"),
    [
        ("up", {"job": "a"}, 'up{job="a"}'),
        ('up{job=~"a|b"}', {"job": "a"}, 'up{job=~"a|b",job="a"}'),
        ('up{job="a"}', {}, 'up{job="a"}'),
        ("up", {}, "up{}"),
    ],
)
def test_a_written_selector_is_narrowed_to_more_labels(written, labels, narrow):
    assert narrowed(written, labels) == narrow
