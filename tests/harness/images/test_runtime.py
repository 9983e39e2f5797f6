"""What stands before runc takes out what the machine doesn't have, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fawkes.harness.images import runtime
from fawkes.harness.images.docker import lacks_sys_resource

ASKED = {
    "args": ["sleep"],
    "capabilities": {"bounding": ["CAP_KILL", "CAP_SYS_RESOURCE"], "effective": ["CAP_SYS_RESOURCE"]},
    "oomScoreAdj": -999,
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1 << 20, "soft": 1 << 20}],
}
GIVEN = {"args": ["sleep"], "capabilities": {"bounding": ["CAP_KILL"], "effective": []}, "oomScoreAdj": 0}


def call(directory: Path, *arguments: str) -> list[str]:
    """Run the script with a runc on PATH that prints its arguments."""
    runc = directory / "runc"
    runc.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    runc.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-I", "-S", runtime.__file__, *arguments],
        env={"PATH": f"{directory}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout.splitlines()


def test_a_container_is_created_without_it(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"ociVersion": "1.0", "process": ASKED}))
    arguments = ["--root", "/run", "create", "--bundle", str(tmp_path), "id"]
    assert call(tmp_path, *arguments) == arguments, "runc is called as it was asked to be"
    assert json.loads((tmp_path / "config.json").read_text()) == {"ociVersion": "1.0", "process": GIVEN}


def test_a_command_in_a_container_runs_without_it(tmp_path):
    (tmp_path / "process.json").write_text(json.dumps(ASKED))
    call(tmp_path, "exec", "--process", str(tmp_path / "process.json"), "id")
    assert json.loads((tmp_path / "process.json").read_text()) == GIVEN


def test_everything_else_passes_untouched(tmp_path):
    assert call(tmp_path, "delete", "--force", "id") == ["delete", "--force", "id"]


@pytest.mark.parametrize(("bounding", "lacks"), [("000001fffeffffff", True), ("000001ffffffffff", False)])
def test_the_bounding_set_decides(bounding, lacks):
    assert lacks_sys_resource(f"CapEff:\t0\nCapBnd:\t{bounding}\n") is lacks
