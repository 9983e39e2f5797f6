"""Every broken platform is caught: its scenario turns to FAIL, and a finding names the stage where it was broken.

The real platform runs once per mutant, as local processes; mutants of scenarios that need Kubernetes on a kind cluster. The one that breaks timing runs alone, or its measurement would be void; the
others wait more than they compute, so three run at a time.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from fawkes.harness.model import Stage, Verdict
from fawkes.harness.mutants import MUTANTS
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.providers.kind.venue import KindVenue
from fawkes.harness.result_io import load_result

pytestmark = [pytest.mark.platform, pytest.mark.slow]

HARNESS = Path(sys.executable).with_name("harness")
TIMED = "query_delayed"
WITHIN_S = 300
"""The slowest mutant makes every observer of its scenario wait in vain: about 90 s, three times over for a busy host."""


KIND_WITHIN_S = 600
"""With the cluster that it makes for itself."""
SCENARIOS = Path(__file__).parent.parent / "scenarios"
ON_KIND = {
    name
    for name, mutant in MUTANTS.items()
    if "kubernetes" in yaml.safe_load((SCENARIOS / f"{mutant.scenario}.yaml").read_text()).get("needs", ())
}


def run(mutant: Mutant, runs: Path, *, on: str = "local", within_s: float = WITHIN_S) -> Path:
    words = ["run", mutant.scenario, "--on", on, "--mutant", mutant.name, "--seed", "11", "--runs", str(runs)]
    subprocess.run([HARNESS, *words], capture_output=True, timeout=within_s, check=False)
    return runs / "latest"


@pytest.fixture(scope="module")
def caught(tmp_path_factory) -> dict[str, "Future[Path]"]:
    """Mutant -> its run directory, in the order in which they are cheap to have."""
    with ThreadPoolExecutor(3) as pool:
        alone = pool.submit(run, MUTANTS[TIMED], tmp_path_factory.mktemp(TIMED))
        alone.exception()  # waits for its end
        rest = {name: tmp_path_factory.mktemp(name) for name in MUTANTS if name not in {TIMED, *ON_KIND}}
        yield {TIMED: alone, **{name: pool.submit(run, MUTANTS[name], runs) for name, runs in rest.items()}}


@pytest.mark.parametrize("name", sorted(MUTANTS.keys() - ON_KIND, key=lambda name: name != TIMED))
def test_the_mutant_is_caught_where_it_is_broken(caught, name):
    is_caught(name, caught[name].result())


@pytest.mark.cluster
@pytest.mark.parametrize("name", sorted(ON_KIND))
def test_the_mutant_is_caught_on_a_cluster(tmp_path, name):
    if reason := KindVenue.obstacle(os.environ):
        pytest.skip(reason)
    is_caught(name, run(MUTANTS[name], tmp_path, on="kind", within_s=KIND_WITHIN_S))


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
