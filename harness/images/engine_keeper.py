"""`python -m fawkes.harness.images.engine_keeper CLIENT DAEMON DIRECTORY`: holds the daemon of our own engine.

Whoever starts it reads its standard output until it is closed: READY, or what went wrong. It then lives until nobody
uses the engine any more, takes away what they have left in it, and ends it. When it is killed, the kernel tells the
daemon to end.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fawkes.harness.errors import DeadlineExceeded, HarnessError, ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.images.docker import Answering, Docker, look
from fawkes.harness.images.own_engine import (
    KEEPER,
    READY,
    START_WITHIN_S,
    STOP_WITHIN_S,
    USERS,
    config_file,
    lock_file,
    log_file,
    taken,
    thaw_all,
)
from fawkes.harness.providers.local.process import signal_group, spawn

_LOG_LINES: Final = 5
_LOOK_EVERY_S: Final = 0.2
"""Whether anybody uses it: a system call, and nobody notices so short a delay of the daemon's end."""


def main() -> None:
    """Goes on as a child of init's: whoever starts it may end before it."""
    client, daemon, directory = sys.argv[1:]
    if os.fork() == 0:
        _keep(Docker(client, os.environ), daemon, Path(directory))


def _keep(docker: Docker, program: str, directory: Path) -> None:
    with (
        lock_file(directory / KEEPER) as keeper,
        lock_file(directory / USERS) as users,
        _daemon(program, directory) as process,
    ):
        fcntl.flock(keeper, fcntl.LOCK_EX)
        try:
            _await_answer(docker, process, directory)
            docker.remove_everything()  # of harnesses that were killed with their keeper: nobody uses it yet
        except HarnessError as error:
            sys.stdout.write(str(error))
            return
        sys.stdout.write(READY)
        sys.stdout.flush()
        with Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
        eventually(
            "nobody to use the engine any more",
            lambda: taken(users, fcntl.LOCK_EX) or process.poll() is not None,
            bool,
            within_s=math.inf,
            every_s=_LOOK_EVERY_S,
            clock=RealClock(),
        )
        with contextlib.suppress(ProviderError):  # then the next start does it
            docker.remove_everything()


@contextlib.contextmanager
def _daemon(program: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    argv = [program, "--config-file", str(config_file(directory))]
    log = log_file(directory)
    process = spawn(argv, log=log, run_id="images", env={}, cwd=directory, death_signal=signal.SIGTERM)
    try:
        yield process
    finally:
        thaw_all(directory)
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(docker: Docker, process: subprocess.Popen[bytes], directory: Path) -> None:
    try:
        eventually(
            "docker's daemon to answer",
            lambda: look(docker.environ),
            lambda state: isinstance(state, Answering),
            within_s=START_WITHIN_S,
            clock=RealClock(),
            hopeless=lambda: None if process.poll() is None else _last_words(process, directory),
        )
    except DeadlineExceeded as error:
        raise ProviderError(str(error) if process.poll() is None else _last_words(process, directory)) from error


def _last_words(process: subprocess.Popen[bytes], directory: Path) -> str:
    lines = log_file(directory).read_text(errors="replace").splitlines()[-_LOG_LINES:]
    return "\n".join((f"it ended with {process.returncode}; the end of {log_file(directory)}:", *lines))


if __name__ == "__main__":
    main()
