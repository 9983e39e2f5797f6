"""The only place that waits. `eventually` raises when time is up; `poll_for` just lets time pass.

The engine is tenacity. The clock is an argument, so tests of the harness wait for nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import tenacity

from fawkes.harness.errors import Cancelled, DeadlineExceeded, HarnessError

POLL_EVERY_S: Final = 0.1
"""Short against the fastest clock of a compressed platform (scrapes every 250 ms), and ten HTTP requests a
second are nothing to the parts that are asked."""


class Clock(Protocol):
    """Monotonic seconds, and a way to let them pass."""

    def monotonic_s(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


class RealClock:
    """The machine's clock. Waiting accumulates in `waited_s`, for the account of where a run's time went.

    A thread that may have to end early waits on a clock of its own: once that is cancelled, every use raises Cancelled.
    """

    def __init__(self) -> None:
        self.waited_s = 0.0
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """From any thread."""
        self._cancelled.set()

    def monotonic_s(self) -> float:
        self._raise_if_cancelled()
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        began_s = time.monotonic()
        self._cancelled.wait(seconds)
        self.waited_s += time.monotonic() - began_s
        self._raise_if_cancelled()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the run is ending")


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a probe that never answered has last seen."""

    def __str__(self) -> str:
        return "nothing"


class _NotYetError(Exception):
    """The probe answered, but not what was expected."""


def eventually(
    what: str,
    probe: Callable[[], Any],
    expect: Callable[[Any], bool],
    *,
    within_s: float,
    every_s: float = POLL_EVERY_S,
    clock: Clock,
    hopeless: Callable[[], str | None] = lambda: None,
) -> Any:
    """The first value of `probe` that `expect` accepts.

    An exception of the probe means "not yet" and becomes the cause if time runs out; only a HarnessError, which was
    raised on purpose, ends the wait. `hopeless` may say why
    waiting longer is pointless (the process has exited); then the wait ends at once.

    Raises DeadlineExceeded: what was expected, the last value, how many tries, how long, and the cause.
    """
    began_s = clock.monotonic_s()
    last: Any = Nothing()
    cause: Exception | None = None
    tries = 0

    def attempt() -> Any:
        nonlocal last, cause, tries
        tries += 1
        try:
            last = probe()
            cause = None
            accepted = expect(last)
        except HarnessError:
            raise
        except Exception as error:
            cause = error
            raise _NotYetError from error
        if not accepted:
            raise _NotYetError
        return last

    def out_of_time(_: tenacity.RetryCallState) -> bool:
        return clock.monotonic_s() - began_s >= within_s or hopeless() is not None

    retrying = tenacity.Retrying(
        stop=out_of_time,
        wait=tenacity.wait_fixed(every_s),
        sleep=clock.wait,
        retry=tenacity.retry_if_exception_type(_NotYetError),
    )
    try:
        return retrying(attempt)
    except tenacity.RetryError:
        took_s = clock.monotonic_s() - began_s
        raise DeadlineExceeded(
            _story(what, last, cause=cause, tries=tries, took_s=took_s, hopeless=hopeless())
        ) from cause


def poll_for(
    seconds: float, tick: Callable[[], Any] | None = None, *, every_s: float = POLL_EVERY_S, clock: Clock
) -> None:
    """Let `seconds` pass, calling `tick` at the polling interval. An exception of `tick` ends it."""
    until_s = clock.monotonic_s() + seconds
    while (left_s := until_s - clock.monotonic_s()) > 0:
        if tick is not None:
            tick()
        clock.wait(min(every_s, left_s))


def _story(what: str, last: Any, *, cause: Exception | None, tries: int, took_s: float, hopeless: str | None) -> str:
    text = f"expected {what}; last saw {_short(last)} ({tries} tries, {took_s:.1f} s)"
    if hopeless:
        text += f"; gave up early: {hopeless}"
    if cause is not None:
        text += f"; cause: {type(cause).__name__}: {_short(cause)}"
    return text


def _short(value: Any, limit: int = 400) -> str:
    text = str(value) if isinstance(value, Nothing | Exception) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
