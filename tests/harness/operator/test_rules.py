"""The rules that ship, judged by Prometheus' own tool. Unit tests of rules stand beside them, in platform/tests."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import fawkes.fixtures
from fawkes.harness.operator.rules import rule_file, rule_file_name, rule_files
from fawkes.harness.toolchain.provide import provide

TESTS = Path(fawkes.fixtures.__file__).parent / "platform" / "tests"


@pytest.fixture(scope="module")
def promtool() -> str:
    return str(provide(["promtool"], progress=print)["promtool"].path)


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("unit_test", sorted(TESTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_rules_pass_their_unit_tests(platform, promtool, tmp_path, unit_test):
    for rule in platform.of("PrometheusRule"):
        (tmp_path / rule_file_name(rule)).write_text(rule_file(rule))
    shutil.copy(unit_test, tmp_path)
    tested = run(promtool, "test", "rules", tmp_path / unit_test.name)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.slow
def test_every_rule_object_is_one_the_operator_would_accept(platform, promtool, tmp_path):
    files = [tmp_path / rule_file_name(rule) for rule in platform.of("PrometheusRule")]
    for rule, file in zip(platform.of("PrometheusRule"), files, strict=True):
        file.write_text(rule_file(rule))
    checked = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *files)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.slow
def test_the_unit_tests_catch_the_adrs_frequency_rule(platform, adr_literal, promtool, tmp_path):
    """A known-bad rule must fail, or the unit tests prove nothing."""
    literal = adr_literal.get("PrometheusRule", "fawkes-monitoring", "dora-metrics")
    (tmp_path / rule_file_name(literal)).write_text(rule_file(literal))
    shutil.copy(TESTS / "dora-metrics.yaml", tmp_path)
    tested = run(promtool, "test", "rules", tmp_path / "dora-metrics.yaml")
    assert tested.returncode == 1
    assert "fawkes:dora:deployment_frequency:per_day" in tested.stdout + tested.stderr


def test_every_shipped_rule_object_is_loaded_by_exactly_one_prometheus(platform):
    loaded = [name for p in platform.of("Prometheus") for name in rule_files(p, platform)]
    assert sorted(loaded) == sorted(rule_file_name(rule) for rule in platform.of("PrometheusRule"))


def test_thanos_only_fields_are_left_out():
    rule = {
        "kind": "PrometheusRule",
        "metadata": {"name": "r", "namespace": "n"},
        "spec": {"groups": [{"name": "g", "partial_response_strategy": "warn", "rules": []}]},
    }
    assert yaml.safe_load(rule_file(rule)) == {"groups": [{"name": "g", "rules": []}]}
    assert rule["spec"]["groups"][0]["partial_response_strategy"] == "warn"
