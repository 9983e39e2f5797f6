"""`--on kind` where Docker can't run: every scenario is skipped in every report, and the exit code is nobody's pass."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fawkes.harness.model import Verdict
from fawkes.harness.result_io import load_result
from fawkes.harness.toolchain import PLATFORM_BINARIES, setting_name
from live_world import built

pytestmark = pytest.mark.slow

ALL_SKIPPED = 4
SILENT = '[ "$1" = info ] && echo cannot connect; exit 1'
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a daemon")
NO_DAEMON = {"docker": SILENT, "dockerd": "echo mounts not permitted; exit 1", "debootstrap": ":"}
CASES = [
    pytest.param({}, "install Docker", id="no Docker"),
    pytest.param({"docker": SILENT}, "there is no dockerd on PATH", id="a client alone"),
    pytest.param({"docker": SILENT, "dockerd": ":"}, "install debootstrap", id="no node image", marks=as_root),
    pytest.param(NO_DAEMON, "mounts not permitted", id="no daemon", marks=as_root),
]


@pytest.mark.parametrize(("programs", "why"), CASES)
def test_every_scenario_is_skipped_loudly(programs, why, install, tmp_path, tmp_path_factory):
    binaries = built(*PLATFORM_BINARIES)
    git = shutil.which("git")
    install("git", f'exec {git} "$@"')
    for name, body in programs.items():
        install(name, body)
    environ = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("c")),  # short: an engine's sockets are in it
        **{setting_name(name): str(path) for name, path in binaries.items()},
    }
    argv = [Path(sys.executable).with_name("harness"), "run", "smoke", "policies", "--on", "kind"]
    done = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == ALL_SKIPPED, done.stderr
    assert why in done.stdout
    assert "0 pass, 0 fail, 0 inconclusive, 2 skipped" in done.stdout
    latest = tmp_path / ".fawkes" / "runs" / "latest"
    result = load_result((latest / "result.json").read_text())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert [why in (one.skipped or "") for one in result.scenarios] == [True, True]
    for report in ("report.html", "report.md", "junit.xml"):
        assert why in (latest / report).read_text(), report
