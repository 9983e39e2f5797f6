"""Commands that must succeed while an image is made."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fawkes.harness.child import run
from fawkes.harness.errors import ProviderError


def command(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    within_s: float,
    line: Callable[[str], None] = lambda _: None,
    tick: Callable[[], None] = lambda: None,
) -> Sequence[str]:
    """What it wrote; `tick` is called every second meanwhile.

    ProviderError with its last lines when it fails, can't be started, or takes too long.
    """
    try:
        outcome = run(argv, cwd=Path("/"), environ=environ, within_s=within_s, line=line, tick=tick)
    except OSError as error:
        raise ProviderError(f"cannot run {argv[0]}: {error.strerror}; install it, or put it on PATH") from error
    if outcome.exit_code != 0:
        how = f"took more than {within_s:g} s" if outcome.exit_code is None else f"ended with {outcome.exit_code}"
        last = "\n".join(outcome.lines[-5:])
        raise ProviderError(f"{shlex.join(argv)} {how}; its last lines:\n{last}\nlook at them, and run again")
    return outcome.lines
