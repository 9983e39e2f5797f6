"""Work that goes on in a thread beside the main one, which alone may start parts (providers/local/process.py)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Final

from fawkes.harness.eventually import POLL_EVERY_S, RealClock, poll_for

_END_WITHIN_S: Final = 15.0
"""After it was told to stop: one HTTP request's time-out (10 s) and something. What still runs then finds the record
closed and ends there."""


@contextlib.contextmanager
def beside(work: Callable[[RealClock], None], *, clock: RealClock) -> Iterator[None]:
    """Runs `work` while the body runs, and waits for its end on `clock`. Its own clock is cancelled if the body fails.

    Raises what the body raises, else what `work` raised.
    """
    own = RealClock()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work(own)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="beside", daemon=True)
    thread.start()
    try:
        yield
        while thread.is_alive():
            poll_for(POLL_EVERY_S, clock=clock)
    finally:
        own.cancel()
        thread.join(_END_WITHIN_S)
    if failed:
        raise failed[0]
