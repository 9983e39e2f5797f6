"""Each thing at its own time, on a clock that only waiting moves."""

from functools import partial
from types import SimpleNamespace

import pytest

from fawkes.harness.eventually import poll_for
from fawkes.load.pace import paced
from still_clock import StillClock


@pytest.fixture
def world():
    clock = StillClock()
    return SimpleNamespace(clock=clock, now_s=clock.monotonic_s, poll_for=partial(poll_for, clock=clock))


def test_each_comes_when_it_is_due_and_a_late_one_at_once(world):
    seen_s = []
    for thing in paced("abcd", 2.0, world):
        seen_s.append(round(world.clock.passed_s, 6))
        if thing == "b":
            world.clock.passed_s += 0.8  # so long it took
    assert seen_s == [0.0, 0.5, 1.3, 1.5]


def test_without_a_rate_nothing_waits(world):
    assert list(paced("abc", None, world)) == ["a", "b", "c"]
    assert world.clock.passed_s == 0.0
