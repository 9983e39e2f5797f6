"""Raw samples of an alert as episodes."""

import pytest

from fawkes.harness.summary.episodes import episodes, evaluations_apart_s


@pytest.mark.parametrize(
    ("times_s", "found"),
    [
        ([], []),
        ([5], [(5, 5)]),
        ([1, 2, 3], [(1, 3)]),
        ([1, 2, 4, 5], [(1, 5)]),  # one evaluation was missed
        ([1, 2, 5, 6], [(1, 2), (5, 6)]),
        ([1, 5, 9], [(1, 1), (5, 5), (9, 9)]),
    ],
)
def test_an_episode_ends_where_two_evaluations_are_missing(times_s, found):
    assert list(episodes(times_s, 1)) == found


def test_evaluations_are_as_far_apart_as_the_nearest_samples_of_one_series():
    assert evaluations_apart_s([[[0, 1], [3, 1], [4, 1]], [[0.2, 1]]]) == 1
    assert evaluations_apart_s([[[0, 1]], []]) == 0
