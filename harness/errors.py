"""Errors, by whose fault they are.

HarnessError
+-- UsageError          the caller's: a flag, a path, a name; exit code 3
|   `-- ScenarioError   the scenario author's; carries every problem at once
+-- ProviderError       the host's: a port, a disk, a missing binary, a permission
|   |-- ToolchainError  a binary that cannot be found or built
|   `-- NoPlaceError    nothing can stand where it was wanted; scenarios are skipped with the reason
+-- ComponentError      a part of the platform's: argv, exit code, last log lines
+-- DeadlineExceeded    the world did not become what was expected in time
+-- RecordError         a run directory that cannot be judged
`-- Cancelled           nobody's: the run ends early, and what waits must stop
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


class HarnessError(Exception):
    """Root of all errors that are raised on purpose. The message ends with what to do next."""


class UsageError(HarnessError):
    """The command was called in a way it cannot follow."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file, at a place an editor can jump to."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: "
        return where + (f"{self.field}: {self.message}" if self.field else self.message)


class ScenarioError(UsageError):
    """A scenario file cannot be used. `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ProviderError(HarnessError):
    """The machine or cluster could not give what the run needs."""


class ToolchainError(ProviderError):
    """A binary of the platform can be neither found nor built."""


class NoPlaceError(ProviderError):
    """This machine can't be a place for the platform that was asked for, however often one tries."""


class ComponentError(HarnessError):
    """A part of the platform did not start, stopped by itself, or refused its configuration."""

    def __init__(
        self, part: str, message: str, *, argv: Sequence[str] = (), exit_code: int | None = None, log_tail: str = ""
    ) -> None:
        self.part, self.argv, self.exit_code, self.log_tail = part, tuple(argv), exit_code, log_tail
        lines = [f"{part}: {message}"]
        if exit_code is not None:
            lines.append(f"exit code: {exit_code}")
        if argv:
            lines.append(f"command: {shlex.join(argv)}")
        if log_tail:
            lines += ["last log lines:", log_tail.rstrip()]
        super().__init__("\n".join(lines))


class DeadlineExceeded(HarnessError):
    """An expectation was not met in time. Tells what was expected, what was last seen, how often it was tried."""


class RecordError(HarnessError):
    """A run directory is incomplete or damaged. Names the file and the line."""


class Cancelled(HarnessError):
    """Whoever waited is to stop, because the run ends early."""
