"""The port against a running Prometheus 3.13.5: random series, every branch, and wrong ports that must be noticed."""

from pathlib import Path

import pytest
import yaml

import fawkes.fixtures
from fawkes.harness.oracle import promql
from fawkes.harness.oracle.promql import vector_sum
from fawkes.harness.oracle.promql_proof.branches import QUANTILE_BRANCHES, RANGE_BRANCHES
from fawkes.harness.oracle.promql_proof.comparison import TOLERANCE, prove
from fawkes.harness.oracle.promql_proof.golden import GOLDEN
from fawkes.harness.oracle.promql_proof.live import prometheus
from fawkes.harness.oracle.promql_proof.mutants import MUTANTS, notice
from fawkes.harness.oracle.promql_proof.questions import Port
from fawkes.harness.oracle.promql_proof.series import START_MS, Series
from fawkes.harness.oracle.promql_proof.shrink import Shrinker
from fawkes.harness.oracle.promql_proof.trial import try_out
from fawkes.harness.toolchain import provide

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SEED = "2026"
COUNTERS = 2000


@pytest.fixture(scope="module")
def live():
    with prometheus(provide(["prometheus"], progress=lambda line: None)["prometheus"].path) as running:
        yield running


@pytest.fixture(scope="module")
def trial(live):
    return try_out(live, seed=SEED, counter_series=COUNTERS)


@pytest.fixture(scope="module")
def proof(trial):
    return prove(trial.questions, trial.answers, Port(promql))


def test_every_answer_of_prometheus_is_ours(live, proof):
    shrinker = Shrinker(live, Port(promql))
    assert [shrinker.readable(worst) for worst in proof.disagreements] == []
    for name, tally in proof.tallies.items():
        assert tally.values > 1000, name
        assert tally.worst_error <= TOLERANCE


@pytest.mark.parametrize("branch", [*RANGE_BRANCHES, *QUANTILE_BRANCHES])
def test_the_questions_went_through_every_branch(proof, branch):
    assert proof.branches[branch] > 20


def test_no_branch_is_met_that_the_table_does_not_name(proof):
    assert set(proof.branches) == {*RANGE_BRANCHES, *QUANTILE_BRANCHES}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_wrong_port_is_noticed(trial, mutant):
    assert notice(mutant, trial.questions, trial.answers, keys_max=500) is not None


def test_a_disagreement_is_shrunk_to_what_can_be_read(live, trial):
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "three samples needed")
    found = notice(mutant, trial.questions, trial.answers, keys_max=500)
    text = Shrinker(live, Port(mutant.module())).readable(found.at)
    assert text.count(" at ") == 2, text
    assert ": None, Prometheus " in text


@pytest.fixture(scope="module")
def golden_day(live):
    """All golden series, ending together two days before the random ones."""
    end_ms = START_MS - 2 * 86_400_000
    series = []
    for golden in GOLDEN:
        for number, samples in enumerate(golden.series):
            stored = tuple((end_ms + round((at_s - golden.range_s) * 1000), value) for at_s, value in samples)
            series.append(Series({"__name__": "golden_total", "case": golden.case, "replica": str(number)}, stored))
    live.write(series)
    return end_ms


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden.case)
def test_golden(live, golden_day, golden):
    expr = f'sum by (case) ({golden.function}(golden_total{{case="{golden.case}"}}[{golden.range_s}s]))'
    answer = live.ask(expr, range(golden_day, golden_day + 1000, 1000), "case")
    assert answer[golden.case][golden_day] == pytest.approx(golden.value, rel=1e-8)
    compute = getattr(promql, golden.function)
    ours = vector_sum(compute(samples, at_s=golden.range_s, range_s=golden.range_s) for samples in golden.series)
    assert answer[golden.case][golden_day] == pytest.approx(ours, rel=TOLERANCE)


def test_the_platforms_prometheus_has_the_features_the_port_was_compared_with(live):
    """None: no native histograms, no start timestamps, no extended range selectors (docs/oracle.md)."""
    assert live.flags()["enable-feature"] == ""
    platform = Path(fawkes.fixtures.__file__).parent / "platform"
    objects = [one for file in sorted(platform.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text()) if one]
    specs = [one["spec"] for one in objects if one["kind"] == "Prometheus"]
    assert len(specs) == 3
    assert not any(spec.get("enableFeatures") or spec.get("scrapeNativeHistograms") for spec in specs)
