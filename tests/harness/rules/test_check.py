"""What `make check` says of rules, with the real promtool."""

import shutil
from pathlib import Path

import pytest

import fawkes.fixtures
from fawkes.harness.errors import ComponentError, UsageError
from fawkes.harness.rules.check import check_rules, check_unit_tests
from fawkes.harness.toolchain.provide import provide

FIXTURES = Path(fawkes.fixtures.__file__).parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def promtool() -> Path:
    return provide(["promtool"], progress=print)["promtool"].path


@pytest.fixture
def rules(tmp_path) -> Path:
    """The platform alerts and their tests, free to be changed."""
    (tmp_path / "tests").mkdir()
    shutil.copy(FIXTURES / "platform" / "rules-platform.yaml", tmp_path)
    shutil.copy(FIXTURES / "platform" / "tests" / "platform-alerts.yaml", tmp_path / "tests")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_passed_is_named(rules, promtool):
    assert check_rules(rules, promtool) == ["fawkes-monitoring-platform-alerts.yaml", "platform-alerts.yaml"]


def test_a_new_alert_without_a_unit_test_fails(rules, promtool):
    path = rules / "rules-platform.yaml"
    alert = path.read_text().split("        - alert: ")[-1]
    path.write_text(path.read_text() + "        - alert: Brand" + alert.replace("absent(", "absent(brand_"))
    with pytest.raises(UsageError, match="BrandPodRestartMetricsAbsent: no unit test in which it fires"):
        check_rules(rules, promtool)


@pytest.mark.parametrize(("old", "new"), [("> 0.85", "> 0.80"), ("for: 10m", "for: 9m"), (">= 3", ">= 4")])
def test_another_threshold_fails_the_unit_tests(rules, promtool, old, new):
    edit(rules / "rules-platform.yaml", old, new)
    with pytest.raises(ComponentError, match="the rules are not right"):
        check_rules(rules, promtool)


def test_rules_without_any_test_are_refused(rules, promtool):
    shutil.rmtree(rules / "tests")
    with pytest.raises(UsageError, match="rules without tests are not shipped"):
        check_unit_tests(rules, promtool)
