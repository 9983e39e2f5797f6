"""Live samples on the rule's own clock: each at its scrape, with the stale markers that no answer shows."""

import pytest

from fawkes.harness.observe.grid import on_grid
from fawkes.harness.observe.promql import Series

FACTOR, INTERVAL_S = 60.0, 30.0


def grid(*samples_of):
    answer = [Series({"__name__": "x", "n": str(n)}, samples) for n, samples in enumerate(samples_of)]
    return on_grid(answer, INTERVAL_S, clock_factor=FACTOR)


def test_samples_stand_at_whole_intervals_and_the_origin_is_told():
    it = grid([[1000.25, 1.0], [1000.75, 2.0], [1001.25, 3.0]])
    assert it.series[0].samples == [(0, 1.0), (30, 2.0), (60, 3.0)]
    assert (it.origin_s, it.until_s) == (pytest.approx(1000.25), 60)


def test_late_scrapes_stay_in_their_place_and_do_not_move_the_origin():
    it = grid([[1000.4, 1.0], [1000.75, 2.0], [1001.25, 3.0], [1001.9, 4.0], [1002.25, 5.0]])
    assert [at_s for at_s, _ in it.series[0].samples] == [0, 30, 60, 90, 120]
    assert it.origin_s == pytest.approx(1000.25)


def test_one_missing_scrape_was_late_two_mean_that_the_series_was_gone():
    assert grid([[0.0, 1.0], [1.0, 2.0]]).series[0].samples == [(0, 1.0), (60, 2.0)]
    assert grid([[0.0, 1.0], [1.5, 2.0]]).series[0].samples == [(0, 1.0), (30, None), (90, 2.0)]


def test_a_series_that_ends_before_the_others_is_gone_and_a_late_one_is_born_late():
    ended, going, born = grid([[0.0, 1.0]], [[k / 2, 1.0] for k in range(5)], [[2.0, 1.0]]).series
    assert ended.samples == [(0, 1.0), (30, None)]
    assert len(going.samples) == 5
    assert born.samples == [(120, 1.0)]


def test_a_series_read_a_scrape_earlier_than_the_others_is_not_gone():
    early, _ = grid([[0.0, 1.0], [0.5, 1.0]], [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]).series
    assert early.samples == [(0, 1.0), (30, 1.0)]
