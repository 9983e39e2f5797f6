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
from fawkes.harness.providers.base import FOUND_OUT, missing_abilities
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.result_io import load_result
from mutant_runs import command

pytestmark = [pytest.mark.platform, pytest.mark.slow]

KIND_WITHIN_S = 600
"""With the cluster that it may make for itself."""
SCENARIOS = Path(__file__).parent.parent / "scenarios"
VALUES = {path.stem: yaml.safe_load(path.read_text()) for path in SCENARIOS.glob("*.yaml")}
ON_KIND = {
    name
    for name, mutant in MUTANTS.items()
    if missing_abilities(LocalProvider, VALUES[mutant.scenario].get("needs", ()))
}
NIGHTLY = "FAWKES_NIGHTLY"
"""Set where what is not for every day may run too."""


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in ON_KIND])
def test_the_mutant_is_caught_where_it_is_broken(mutant_runs, name):
    is_caught(name, mutant_runs.wait(name))


@pytest.mark.cluster
@pytest.mark.parametrize("name", sorted(ON_KIND))
def test_the_mutant_is_caught_on_a_cluster(tmp_path, request, name):
    # No Docker is started for a test: without --reuse each of these makes a cluster, which together takes longer than
    # all the rest.
    if not isinstance(engine := look(os.environ), Answering):
        pytest.skip(f"no Docker daemon answers ({type(engine).__name__})")
    value = VALUES[MUTANTS[name].scenario]
    profile = value.get("profiles", ["ci"])[0]
    if profile != "ci" and NIGHTLY not in os.environ:
        pytest.skip(f"{MUTANTS[name].scenario} is not for profile ci; {NIGHTLY}=1 runs it")
    argv = [*command(name, tmp_path, on="kind"), "--profile", profile]
    argv += ["--reuse", reuse] if (reuse := request.config.getoption("--reuse")) else []
    subprocess.run(argv, capture_output=True, timeout=KIND_WITHIN_S, check=False)
    (scenario,) = load_result((tmp_path / "latest" / "result.json").read_text()).scenarios
    if scenario.skipped and set(FOUND_OUT) & set(value["needs"]):
        pytest.skip(scenario.skipped)
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
    assert VALUES.keys() == {mutant.scenario for mutant in MUTANTS.values()}
