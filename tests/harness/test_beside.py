"""Work beside the main thread: it is waited for, its errors come out, and it ends when the main thread fails."""

import threading

import pytest

from fawkes.harness.beside import beside
from fawkes.harness.errors import Cancelled
from fawkes.harness.eventually import RealClock, poll_for


def test_the_body_and_the_work_go_on_together_and_both_are_done_at_the_end():
    met = threading.Barrier(2, timeout=5)
    done = []

    def work(clock):
        met.wait()
        poll_for(0.05, clock=clock)
        done.append("work")

    with beside(work, clock=RealClock()):
        met.wait()
    assert done == ["work"]


def test_an_error_of_the_work_comes_out():
    def work(clock):
        raise ValueError("the driver broke")

    with pytest.raises(ValueError, match="the driver broke"), beside(work, clock=RealClock()):
        pass


def test_when_the_body_fails_the_work_is_told_to_stop_at_its_next_look_at_the_clock():
    ended = []

    def work(clock):
        try:
            poll_for(3600, clock=clock)
        except Cancelled:
            ended.append(True)
            raise

    with pytest.raises(KeyboardInterrupt), beside(work, clock=RealClock()):
        raise KeyboardInterrupt
    assert ended == [True]
