"""Ctrl-C and SIGTERM: the first one ends what runs in order, and none of them cuts the tidying short."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Final

_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


def listen() -> None:
    """From now on the next Ctrl-C or SIGTERM raises KeyboardInterrupt in the main thread, once."""
    for number in _ENDS:
        signal.signal(number, _interrupt)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let tidying come to its end: what arrives meanwhile is heard afterwards. In the main thread; others get none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.getsignal(number) for number in _ENDS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
