"""The sources of a pinned Go module, for the files in them that are no Go."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fawkes.harness import child
from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import Clock
from fawkes.harness.toolchain.cache import cache_directory
from fawkes.harness.toolchain.golang import provide_go
from fawkes.harness.toolchain.pins import go_directive
from fawkes.harness.toolchain.recipe import go_environment

_WITHIN_S: Final = 120.0
"""To fetch one module, where the build before has not."""


def module_directory(
    pinning: Path, module: str, *, environ: Mapping[str, str], clock: Clock, progress: Callable[[str], None]
) -> Path:
    """Where Go keeps `module` at the version that the go.mod in `pinning` requires; fetched if it isn't there.

    The directory is read-only. ToolchainError with Go's last lines if the module can't be had.
    """
    cache_dir = cache_directory(environ)
    go = provide_go(environ, cache_dir=cache_dir, oldest=go_directive(pinning), progress=progress, clock=clock)
    with tempfile.TemporaryDirectory(prefix="fawkes-go-") as scratch:
        go_environ = go_environment(environ, scratch=Path(scratch))
        at_module = [str(go.path), "-C", str(pinning)]
        _run([*at_module, "mod", "download", module], go_environ)
        listed = _run([*at_module, "list", "-m", "-f", "{{.Dir}}", module], go_environ)
    return Path(listed[-1])


def _run(argv: list[str], environ: Mapping[str, str]) -> Sequence[str]:
    """The lines it wrote."""
    outcome = child.run(argv, cwd=Path("/"), environ=environ, within_s=_WITHIN_S)
    if outcome.exit_code != 0:
        how = "took too long" if outcome.exit_code is None else f"ended with {outcome.exit_code}"
        last = "\n".join(outcome.lines[-5:])
        raise ToolchainError(f"{' '.join(argv)} {how}:\n{last}\nlook whether the Go proxy answers, and run again")
    return outcome.lines
