"""Tells a person what happens: a live line on a terminal, plain lines with the elapsed time otherwise."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape

_LOG_EVERY_S = 10.0
"""Often enough to see that a build goes on, rarely enough to keep a CI log readable."""


class Narrator:
    """Callable with one short line. On a terminal the line is replaced by the next; `keep` makes one stay."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_s = time.monotonic()
        self._status = console.status("") if console.is_terminal else None
        self._progress_s = -_LOG_EVERY_S
        self.context = ""

    def __enter__(self) -> Narrator:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, line: str) -> None:
        text = f"{self._elapsed()} {self.context}: {line}" if self.context else f"{self._elapsed()} {line}"
        if self._status is not None and "\n" not in line:
            self._status.update(escape(text))
        else:
            self.keep(text)

    def progress(self, line: str) -> None:
        """One of many lines about a long step: each shows on a terminal, one every ten seconds stays in a log."""
        now_s = time.monotonic()
        if self._status is not None or now_s - self._progress_s >= _LOG_EVERY_S:
            self._progress_s = now_s
            self(line)

    def keep(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _elapsed(self) -> str:
        return f"[{time.monotonic() - self._began_s:6.1f} s]"
