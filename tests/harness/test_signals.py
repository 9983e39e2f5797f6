"""What Ctrl-C and SIGTERM do while something is being tidied up. The signals are real."""

import signal
import threading

import pytest

from fawkes.harness.signals import listen, postponed


@pytest.fixture(autouse=True)
def _as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_while_tidying_is_heard_afterwards_once(number):
    listen()
    done = []
    with pytest.raises(KeyboardInterrupt), postponed():
        signal.raise_signal(number)
        signal.raise_signal(number)
        done.append("tidied")
    assert done == ["tidied"]
    signal.raise_signal(number)  # ignored: what runs is already ending


def test_one_that_came_before_is_not_heard_again():
    listen()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with postponed():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_afterwards_all_is_as_before():
    listen()
    with postponed():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_trouble_while_tidying_is_told():
    with pytest.raises(OSError, match="full"), postponed():
        raise OSError("full")


def test_another_thread_leaves_signals_alone():
    listen()
    handler, seen = signal.getsignal(signal.SIGINT), []

    def tidy():
        with postponed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=tidy)
    thread.start()
    thread.join()
    assert seen == [handler]
