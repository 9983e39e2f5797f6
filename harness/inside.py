"""testinfra's host for looking inside parts: its commands end in time, and what they read is in no log.

Not imported by the core while it is loaded: testinfra is of the extra `kind`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.extras import require_kind

if TYPE_CHECKING:
    from testinfra.backend.base import BaseBackend, CommandResult
    from testinfra.host import Host

COMMAND_WITHIN_S: Final = 20.0
"""The slowest is a binary that tells its version: 0.4 s, several seconds from a slow disk."""


def host_on(
    backend: BaseBackend,
    environ: Mapping[str, str],
    *,
    within_s: float = COMMAND_WITHIN_S,
    reword: Callable[[str], str] = lambda line: line,
) -> Host:
    """A host on testinfra's `backend`. UsageError where the extra `kind` is not installed.

    `reword` has the last word on each command line before a shell of this machine gets it. A command that takes longer
    than `within_s` raises ProviderError. testinfra itself would wait for ever, and log, at level DEBUG, all that a
    command has written: environments, hence secrets.
    """
    require_kind()
    from testinfra.backend.base import CommandResult  # noqa: PLC0415 - the core does without testinfra
    from testinfra.host import Host  # noqa: PLC0415

    def run_local(command: str, *words: str) -> CommandResult:
        line = reword(backend.quote(command, *words))
        exit_code, stdout, stderr = _run(line, environ, within_s)
        return CommandResult(backend, exit_code, line.encode(), stdout, stderr)

    backend.run_local = run_local
    host = Host(backend)
    backend.set_host(host)
    return host


def _run(line: str, environ: Mapping[str, str], within_s: float) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error of a shell's command line."""
    child = subprocess.Popen(
        ["/bin/sh", "-c", line],
        env={**environ, "LC_ALL": "C"},  # messages are told apart by their words
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    try:
        stdout, stderr = child.communicate(timeout=within_s)
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"no answer within {within_s:g} s to: {line}; the machine or the part hangs") from error
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    return child.returncode, stdout, stderr
