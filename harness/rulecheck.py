"""The platform's rules, checked offline with promtool: syntax and lint, then their unit tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from fawkes.harness.child import run
from fawkes.harness.errors import ComponentError, UsageError
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.operator.rules import rule_file, rule_file_name

_PROMTOOL_WITHIN_S: Final = 120.0
"""The rules' unit tests take seconds; this is for a machine that is busy with builds."""


def check_rules(platform: Path, promtool: Path) -> list[str]:
    """Names of the rule files and unit tests that passed.

    The tests below `platform`/tests name a rule file as the operator would: NAMESPACE-NAME.yaml.
    Raises ComponentError with promtool's words when a rule or a test is wrong, UsageError when there are no tests.
    """
    tests = sorted((platform / "tests").glob("*.yaml"))
    if not tests:
        raise UsageError(f"{platform / 'tests'} holds no unit tests; rules without tests are not shipped")
    with tempfile.TemporaryDirectory(prefix="fawkes-rules-") as scratch:
        here = Path(scratch)
        names = []
        for rule in load_objects(platform).of("PrometheusRule"):
            names.append(rule_file_name(rule))
            (here / names[-1]).write_text(rule_file(rule))
        for test in tests:
            (here / test.name).write_text(test.read_text())
        _promtool(promtool, here, "check", "rules", "--lint=all", "--lint-fatal", *names)
        _promtool(promtool, here, "test", "rules", *(test.name for test in tests))
    return [*names, *(test.name for test in tests)]


def _promtool(promtool: Path, here: Path, *words: str) -> None:
    argv = [str(promtool), *words]
    done = run(argv, cwd=here, environ=os.environ, within_s=_PROMTOOL_WITHIN_S)
    if done.exit_code != 0:
        raise ComponentError(
            "promtool",
            "the platform's rules are not right",
            argv=argv,
            exit_code=done.exit_code,
            log_tail="\n".join(done.lines),
        )
