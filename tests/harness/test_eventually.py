"""eventually and poll_for, on a clock that passes only when somebody waits."""

import pytest

from fawkes.harness.errors import DeadlineExceeded, UsageError
from fawkes.harness.eventually import eventually, poll_for
from still_clock import StillClock


def test_returns_the_first_accepted_value():
    values = iter([None, 3, 7])
    seen = eventually("seven", lambda: next(values), lambda v: v == 7, within_s=5, clock=StillClock())
    assert seen == 7


def test_the_story_of_a_missed_deadline_names_expectation_last_value_tries_and_time():
    with pytest.raises(DeadlineExceeded) as missed:
        eventually("up == 1", lambda: 0, lambda v: v == 1, within_s=1.0, every_s=0.5, clock=StillClock())
    assert str(missed.value) == "expected up == 1; last saw 0 (3 tries, 1.0 s)"


def test_an_exception_means_not_yet_and_becomes_the_cause():
    def probe():
        raise ConnectionRefusedError("127.0.0.1:9090")

    with pytest.raises(DeadlineExceeded, match=r"last saw nothing .*cause: ConnectionRefusedError") as missed:
        eventually("an answer", probe, bool, within_s=1, clock=StillClock())
    assert isinstance(missed.value.__cause__, ConnectionRefusedError)


def test_an_old_exception_is_no_cause_once_the_probe_answers():
    answers = iter([ConnectionRefusedError(), 0, 0, 0])

    def probe():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(DeadlineExceeded) as missed:
        eventually("one", probe, lambda v: v == 1, within_s=1, every_s=0.5, clock=StillClock())
    assert "cause" not in str(missed.value)


def test_an_error_raised_on_purpose_ends_the_wait():
    def probe():
        raise UsageError("no such part")

    clock = StillClock()
    with pytest.raises(UsageError):
        eventually("a part", probe, bool, within_s=60, clock=clock)
    assert clock.passed_s == 0.0


def test_hopeless_ends_the_wait_early_and_says_why():
    clock = StillClock()
    with pytest.raises(DeadlineExceeded, match="gave up early: it exited"):
        eventually("ready", lambda: 0, bool, within_s=60, clock=clock, hopeless=lambda: "it exited")
    assert clock.passed_s == 0.0


def test_a_long_value_is_shortened():
    with pytest.raises(DeadlineExceeded) as missed:
        eventually("x", lambda: "y" * 10_000, lambda v: False, within_s=0, clock=StillClock())
    assert len(str(missed.value)) < 600


def test_poll_for_lets_exactly_that_time_pass_and_ticks():
    clock, ticks = StillClock(), []
    poll_for(1.0, lambda: ticks.append(clock.passed_s), every_s=0.4, clock=clock)
    assert clock.passed_s == pytest.approx(1.0)
    assert len(ticks) == 3


def test_poll_for_waits_for_nothing_when_the_time_is_past():
    clock = StillClock()
    poll_for(-1.0, pytest.fail, clock=clock)
    assert clock.passed_s == 0.0
