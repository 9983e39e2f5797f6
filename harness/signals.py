"""Ctrl-C and SIGTERM: the first one ends what runs in order, more of them must not cut the tidying short."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Final

_ENDS: Final = (signal.SIGINT, signal.SIGTERM)


def listen() -> None:
    """From now on the next Ctrl-C or SIGTERM raises KeyboardInterrupt in the main thread, once."""
    for number in _ENDS:
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in _ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt
