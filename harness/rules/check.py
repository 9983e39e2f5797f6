"""The platform's rules, checked offline: syntax, lint and unit tests by promtool, and that nothing lacks a unit test.

The ADR's own rules are known to be wrong. Their tests say how, so they must pass as well; lint and coverage are not
asked of them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import yaml

from fawkes.harness.child import run
from fawkes.harness.errors import ComponentError, UsageError
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.operator.rules import rule_file, rule_file_name
from fawkes.harness.rules.coverage import uncovered

_PROMTOOL_WITHIN_S: Final = 120.0
"""The rules' unit tests take seconds; this is for a machine that is busy with builds."""


def check_rules(directory: Path, promtool: Path) -> list[str]:
    """Names of the rule files and unit tests that passed lint, tests and coverage.

    Raises as `check_unit_tests`, and UsageError naming every rule without a unit test or without what people need.
    """
    rules = load_objects(directory).of("PrometheusRule")
    names = _promtool(directory, promtool, lint=True)
    if missing := uncovered(rules, [yaml.safe_load(test.read_text()) for test in _tests(directory)]):
        raise UsageError("\n".join([f"{directory}: rules that must not ship like this:", *missing]))
    return names


def check_unit_tests(directory: Path, promtool: Path) -> list[str]:
    """Names of the rule files and unit tests that passed; neither lint nor coverage is asked for.

    The tests below `directory`/tests name a rule file as the operator would: NAMESPACE-NAME.yaml.
    Raises ComponentError with promtool's words when a rule or a test is wrong, UsageError when there are no tests.
    """
    return _promtool(directory, promtool, lint=False)


def _promtool(directory: Path, promtool: Path, *, lint: bool) -> list[str]:
    tests = _tests(directory)
    with tempfile.TemporaryDirectory(prefix="fawkes-rules-") as scratch:
        here = Path(scratch)
        names = []
        for rule in load_objects(directory).of("PrometheusRule"):
            names.append(rule_file_name(rule))
            (here / names[-1]).write_text(rule_file(rule))
        for test in tests:
            (here / test.name).write_text(test.read_text())
        if lint:
            _run(promtool, here, "check", "rules", "--lint=all", "--lint-fatal", *names)
        _run(promtool, here, "test", "rules", *(test.name for test in tests))
    return [*names, *(test.name for test in tests)]


def _tests(directory: Path) -> Sequence[Path]:
    if not (tests := sorted((directory / "tests").glob("*.yaml"))):
        raise UsageError(f"{directory / 'tests'} holds no unit tests; rules without tests are not shipped")
    return tests


def _run(promtool: Path, here: Path, *words: str) -> None:
    argv = [str(promtool), *words]
    done = run(argv, cwd=here, environ=os.environ, within_s=_PROMTOOL_WITHIN_S)
    if done.exit_code != 0:
        raise ComponentError(
            "promtool",
            "the rules are not right",
            argv=argv,
            exit_code=done.exit_code,
            log_tail="\n".join(done.lines),
        )
