"""Several scenarios at a time: real worker processes on a run directory, with what can go wrong."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fawkes.harness.composition import scenario_loader
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.result_io import load_result
from fawkes.harness.side_by_side import run_side_by_side

pytestmark = [pytest.mark.platform, pytest.mark.slow]

HARNESS = Path(sys.executable).with_name("harness")
QUICK = """\
claim: A sample shown by the beacon is there.
platform: {{clock: {{ci: 60}}, parts: [beacon]}}
expect:
  - {{check: answers, name: {name}}}
"""
"""One part and a check without data: done in a second, and INCONCLUSIVE."""


def write(directory: Path, *names: str, alone: str = "") -> list[str]:
    for name in names:
        extra = "alone: true\n" if name == alone else ""
        (directory / f"{name}.yaml").write_text(QUICK.format(name=name) + extra)
    return [str(directory / f"{name}.yaml") for name in names]


def run(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [HARNESS, "run", *words, "--runs", str(directory / "runs"), "--seed", "1"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def spans(directory: Path) -> dict[str, tuple[float, float]]:
    """Scenario -> when its record begins and ends."""
    found = {}
    for history in (directory / "runs" / "latest").glob("*/history.jsonl"):
        lines = history.read_text().splitlines()
        found[history.parent.name] = (json.loads(lines[0])["at_s"], json.loads(lines[-1])["at_s"])
    return found


def test_two_at_a_time_overlap_and_the_one_that_measures_runs_alone(tmp_path):
    done = run(tmp_path, *write(tmp_path, "one", "two", "measures", alone="measures"), "--jobs", "2")
    assert done.returncode == 2, done.stderr
    assert "one: start" in done.stderr
    at = spans(tmp_path)
    assert at["one"][0] < at["two"][1]
    assert at["two"][0] < at["one"][1]
    assert at["measures"][0] >= max(at["one"][1], at["two"][1])


def test_the_result_is_one_run_in_the_order_it_was_asked_for(tmp_path):
    run(tmp_path, *write(tmp_path, "b", "a"), "--jobs", "2")
    result = load_result((tmp_path / "runs" / "latest" / "result.json").read_text())
    assert [scenario.name for scenario in result.scenarios] == ["b", "a"]


def test_ctrl_c_takes_every_platform_down_and_the_record_is_judged(tmp_path):
    paths = write(tmp_path, "one", "two")
    argv = [HARNESS, "run", *paths, "--jobs", "2", "--runs", str(tmp_path / "runs")]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    eventually(
        "both to start",
        lambda: [
            c for c in psutil.Process(process.pid).children(recursive=True) if "exporter" in " ".join(c.cmdline())
        ],
        lambda parts: len(parts) >= 1,
        within_s=60,
        every_s=0.02,
        clock=RealClock(),
    )
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not [child for child in family if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert (tmp_path / "runs" / "latest" / "result.json").exists()


def test_a_process_that_is_killed_leaves_an_inconclusive_scenario_and_the_others_go_on(tmp_path):
    loaded = scenario_loader().load([Path(path) for path in write(tmp_path, "one", "two")])
    scenarios = {name: scenario for name, (scenario, _) in loaded.items()}
    run(tmp_path, *write(tmp_path, "one", "two"), "--jobs", "2")
    directory = (tmp_path / "runs" / "latest").resolve()
    again = tmp_path / "again"
    again.mkdir()
    (again / "run.json").write_text((directory / "run.json").read_text())
    told: list[tuple[str, str]] = []
    killed: list[int] = []

    def tell(name: str, line: str) -> None:
        told.append((name, line))
        if name == "one" and not killed:
            worker = next(c for c in psutil.Process().children() if c.cmdline()[-1] == "one")
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    assert run_side_by_side(again, scenarios, 2, tell) is False
    assert killed
    assert "history_end" not in (again / "one" / "history.jsonl").read_text()
    assert "history_end" in (again / "two" / "history.jsonl").read_text()
