"""Every broken platform is caught: its scenario turns to FAIL, and a finding names the stage where it was broken.

The real platform runs once per mutant: as local processes, beside the other tests (support/mutant_runs.py); for
scenarios that need Kubernetes on a kind cluster.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from fawkes.harness.images.docker import Answering, look
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.mutants import MUTANTS
from fawkes.harness.result_io import load_result
from mutant_runs import command

pytestmark = [pytest.mark.platform, pytest.mark.slow]

KIND_WITHIN_S = 600
"""With the cluster that it makes for itself."""
SCENARIOS = Path(__file__).parent.parent / "scenarios"
ON_KIND = {
    name
    for name, mutant in MUTANTS.items()
    if "kubernetes" in yaml.safe_load((SCENARIOS / f"{mutant.scenario}.yaml").read_text()).get("needs", ())
}


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in ON_KIND])
def test_the_mutant_is_caught_where_it_is_broken(mutant_runs, name):
    is_caught(name, mutant_runs.wait(name))


@pytest.mark.cluster
@pytest.mark.parametrize("name", sorted(ON_KIND))
def test_the_mutant_is_caught_on_a_cluster(tmp_path, name):
    # No Docker is started for a test: each of these makes a cluster, which together take longer than all the rest.
    if not isinstance(engine := look(os.environ), Answering):
        pytest.skip(f"no Docker daemon answers ({type(engine).__name__})")
    argv = command(name, tmp_path, on="kind")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=KIND_WITHIN_S, check=False)
    assert (tmp_path / "latest" / "result.json").exists(), done.stderr
    is_caught(name, tmp_path / "latest")


def is_caught(name: str, directory: Path) -> None:
    result = load_result((directory / "result.json").read_text())
    (scenario,) = result.scenarios
    failed = {finding.stage for finding in scenario.findings if finding.verdict is Verdict.FAIL}
    assert result.verdict is Verdict.FAIL, [f.reason for f in scenario.findings]
    assert MUTANTS[name].stage in failed, [f.reason for f in scenario.findings if f.verdict is Verdict.FAIL]
    assert result.mutant == name
    assert not [f for f in scenario.findings if f.stage is Stage.HARNESS], "the harness itself had no trouble"
    assert json.loads((directory / "run.json").read_text())["command"].endswith(f"--mutant {name}")


def test_every_scenario_has_a_mutant_that_it_catches():
    scenarios = {path.stem for path in SCENARIOS.glob("*.yaml")}
    assert scenarios == {mutant.scenario for mutant in MUTANTS.values()}
