"""Short child processes that run to their end and cannot outlive us: version questions, builds, promtool.

A build is a tree: go starts compilers and linkers. A parent-death signal would reach go alone, and `preexec_fn`
is unsafe in a process with threads. So each build has a process group of its own whose leader is a shell that
reads from a pipe we hold: when we end, however we end, the read returns and the shell kills the whole group.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended."""

    exit_code: int | None
    """None when it was killed because its time was up."""
    lines: tuple[str, ...]
    """Everything it wrote, both streams, in order."""


def ask(argv: Sequence[str], *, environ: Mapping[str, str], within_s: float) -> str | None:
    """What a short command prints on both streams; None when it cannot run or does not end in time."""
    try:
        outcome = run(argv, cwd=Path("/"), environ=environ, within_s=within_s)
    except OSError:
        return None
    return None if outcome.exit_code is None else "\n".join(outcome.lines)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    within_s: float,
    line: Callable[[str], None] = lambda _: None,
    tick: Callable[[], None] = lambda: None,
    tick_s: float = 1.0,
) -> Outcome:
    """Run a command to its end, calling `line` for each line and `tick` at least every `tick_s` seconds.

    Whatever happens (time-out, exception, Ctrl-C, our own death), it and its children are gone afterwards.
    Raises OSError when it cannot be started.
    """
    until_s = time.monotonic() + within_s
    lines: list[str] = []
    with _doomed_group() as group:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=group,
        )
        try:
            for text in _lines(child, until_s=until_s, tick=tick, tick_s=tick_s):
                lines.append(text)
                line(text)
            return Outcome(child.wait(max(0.0, until_s - time.monotonic())), tuple(lines))
        except subprocess.TimeoutExpired:
            return Outcome(None, tuple(lines))
        finally:
            os.killpg(group, signal.SIGKILL)
            child.wait()
            assert child.stdout is not None
            child.stdout.close()


@contextlib.contextmanager
def _doomed_group() -> Iterator[int]:
    """Id of a process group that is killed when the block ends or when this process does."""
    leader = subprocess.Popen(
        ["/bin/sh", "-c", "read -r _; kill -KILL 0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        yield leader.pid
    finally:
        # The leader is not waited for until here, so its id cannot have gone to a stranger.
        os.killpg(leader.pid, signal.SIGKILL)
        leader.communicate()


def _lines(child: subprocess.Popen[bytes], *, until_s: float, tick: Callable[[], None], tick_s: float) -> Iterator[str]:
    """Lines of the child's output until it closes it. Raises subprocess.TimeoutExpired at `until_s`."""
    assert child.stdout is not None
    pending = b""
    next_tick_s = time.monotonic() + tick_s
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            now_s = time.monotonic()
            if now_s >= until_s:
                raise subprocess.TimeoutExpired(child.args, until_s)
            if now_s >= next_tick_s:
                tick()
                next_tick_s = now_s + tick_s
            if not selector.select(min(next_tick_s, until_s) - now_s):
                continue
            chunk = os.read(child.stdout.fileno(), 65536)
            *complete, pending = (pending + chunk).split(b"\n")
            yield from (text.decode(errors="replace") for text in complete)
            if not chunk:
                if pending:
                    yield pending.decode(errors="replace")
                return
