"""The open loop on a clock that the test moves: schedules, lateness, and latency from the intended start."""

import itertools
import random

import pytest

from fawkes.load.dispatch import RateStage, dispatch, gevent_pool, intended_starts, nearest_rank


def starts(*stages, arrivals="constant", seed=1):
    return intended_starts([RateStage(**stage) for stage in stages], arrivals, random.Random(seed))


def test_a_constant_rate_is_evenly_spaced():
    assert starts({"for_s": 2, "rate_per_s": 4}) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75])


def test_rounding_makes_up_no_request():
    assert len(starts({"for_s": 10, "rate_per_s": 0.1 + 0.2})) == 3
    assert len(starts({"for_s": 0.1, "rate_per_s": 30})) == 3


def test_a_ramp_sends_the_area_under_its_line():
    ramp = starts({"for_s": 10, "rate_per_s": 0, "to_per_s": 20})
    assert len(ramp) == 100
    # Half the time has a quarter of the area.
    assert sum(start < 5 for start in ramp) == 25
    assert ramp == sorted(ramp)
    falling = starts({"for_s": 10, "rate_per_s": 20, "to_per_s": 0})
    assert sum(start < 5 for start in falling) == 75


def test_steps_follow_each_other():
    steps = starts({"for_s": 1, "rate_per_s": 2}, {"for_s": 1, "rate_per_s": 0}, {"for_s": 1, "rate_per_s": 4})
    assert steps == pytest.approx([0, 0.5, 2, 2.25, 2.5, 2.75])


def test_poisson_arrivals_keep_the_rate_and_repeat_with_the_seed():
    some = starts({"for_s": 100, "rate_per_s": 100}, arrivals="poisson")
    assert some == starts({"for_s": 100, "rate_per_s": 100}, arrivals="poisson")
    assert some != starts({"for_s": 100, "rate_per_s": 100}, arrivals="poisson", seed=2)
    # Poisson(10,000) has a standard deviation of 100; five of them.
    assert abs(len(some) - 10_000) < 500
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(some))
    # The median of exponential gaps is ln 2 of their mean.
    assert gaps[len(gaps) // 2] == pytest.approx(0.00693, rel=0.1)


class Clock:
    """Time that passes only when somebody waits or works."""

    def __init__(self):
        self.at_s = 50.0

    def now(self):
        return self.at_s

    def wait(self, seconds):
        self.at_s += seconds


class Inline:
    """A pool with one place: work is done before spawn returns, as in a generator that is too slow."""

    def spawn(self, work, *args):
        work(*args)

    def join(self, timeout=None):
        pass


def run(service_s, times, planned_s=1.0):
    clock, latencies = Clock(), {}

    def send(index, intended):
        clock.wait(service_s[index])
        latencies[index] = clock.now() - intended

    sent = dispatch(times, send, planned_s=planned_s, drain_s=1, pool=Inline(), now=clock.now, wait=clock.wait)
    return sent, [latencies[index] for index in range(len(times))]


def test_requests_leave_on_time_when_nothing_holds_them():
    sent, latencies = run([0.01] * 4, [0, 0.25, 0.5, 0.75])
    assert (sent.offered, sent.achieved, sent.send_lag_p99_s) == (4, 4, 0.0)
    assert latencies == pytest.approx([0.01] * 4)


def test_latency_counts_from_the_intended_start_not_from_the_sending():
    # The first request blocks everything for 0.6 s; a closed loop would call the others fast.
    sent, latencies = run([0.6, 0.01, 0.01, 0.01], [0, 0.25, 0.5, 0.75])
    assert latencies == pytest.approx([0.6, 0.36, 0.12, 0.01])
    assert sent.send_lag_p99_s == pytest.approx(0.35)


def test_what_leaves_after_the_planned_end_is_not_achieved():
    sent, _ = run([0.9, 0.9, 0.0, 0.0], [0, 0.25, 0.5, 0.75])
    assert (sent.offered, sent.achieved) == (4, 2)


def test_a_pool_never_makes_requests_wait_for_a_place():
    assert gevent_pool(20, 10).size >= 200


@pytest.mark.parametrize(("percent", "rank"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_nearest_rank(percent, rank):
    assert nearest_rank(list(range(100, 0, -1)), percent) == rank


def test_nearest_rank_rounds_up_and_takes_nothing_for_nothing():
    assert nearest_rank([1.0, 2.0], 51) == 2.0
    assert nearest_rank([], 99) == 0.0
