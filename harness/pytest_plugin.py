"""The pytest door: `pytest scenarios/` runs every scenario, each expectation one test item.

Options: --env, --reuse, --profile, --seed, --mutant, --runs. The run directory is the same as `harness run` leaves.
Everything heavy is imported when a scenario is collected, because pytest loads this module at every start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fawkes.harness.expectation import Expectation
    from fawkes.harness.model import Finding, RunResult
    from fawkes.harness.scenario import Scenario
    from fawkes.harness.session import Session

_FOLDER = "scenarios"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fawkes", "Fawkes metrics harness (scenario files)")
    group.addoption(
        "--env",
        default="local",
        choices=("local", "kind", "existing"),
        help="Where the platform runs (default: local).",
    )
    group.addoption("--context", default=None, metavar="NAME", help="With --env existing: the kubeconfig's context.")
    # Not --kubeconfig, which pytest-kind has.
    group.addoption("--kube-config", default=None, metavar="FILE", help="By default $KUBECONFIG or ~/.kube/config.")
    group.addoption(
        "--namespace-prefix", default=None, metavar="PREFIX", help="How the names of all its namespaces begin."
    )
    group.addoption("--services-image", default=None, metavar="IMAGE", help="That cluster's name for our services.")
    group.addoption("--install-operator", action="store_true", help="For the run, and for its namespaces only.")
    group.addoption("--yes-this-is", default=None, metavar="NAME", help="The context, if it looks like production.")
    group.addoption("--reuse", default=None, metavar="NAME", help="Run on this kind cluster, which stays.")
    group.addoption("--profile", default="ci", choices=("ci", "nightly"), help="How much and how fast (default: ci).")
    group.addoption("--seed", type=int, default=None, help="Reproduces a run's inputs.")
    group.addoption("--mutant", default=None, help="Break one thing; its scenario must fail.")
    group.addoption("--runs", default=".fawkes/runs", help="Folder for run directories.")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Door(config), "fawkes-door")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".yaml" and file_path.parent.name == _FOLDER:
        return ScenarioFile.from_parent(parent, path=file_path)
    return None


class ScenarioFile(pytest.File):
    """One scenario; its expectations are the items."""

    def collect(self) -> Iterator[ScenarioItem]:
        from fawkes.harness.composition import scenario_loader
        from fawkes.harness.errors import ScenarioError

        try:
            ((name, loaded),) = scenario_loader().load([self.path]).items()
        except ScenarioError as error:
            raise self.CollectError(str(error)) from error
        for expect in loaded[0].expect:
            yield ScenarioItem.from_parent(self, name=expect.name, scenario=name, loaded=loaded, expect=expect)


class ScenarioItem(pytest.Item):
    """One expectation of a scenario. The scenario runs once, when the first of its items is set up."""

    def __init__(self, *, scenario: str, loaded: tuple[Scenario, Any], expect: Expectation, **rest: Any) -> None:
        super().__init__(**rest)
        self.scenario, self.loaded, self.expect = scenario, loaded, expect

    def runtest(self) -> None:
        door = self.config.pluginmanager.get_plugin("fawkes-door")
        assert isinstance(door, _Door)
        findings = door.findings(self)
        own = next(f for f in findings if f.expectation == self.expect.name)
        trouble = [f for f in findings if f.check == "run"]
        if bad := [f for f in (own, *trouble) if f.verdict]:
            raise NotPassed(bad)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotPassed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, 0, f"{self.scenario}: {self.name}"


class NotPassed(Exception):
    """An expectation that is not PASS, told in full."""

    def __init__(self, findings: list[Finding]) -> None:
        from fawkes.reports.text import finding_lines

        super().__init__("\n".join(line for finding in findings for line in finding_lines(finding)))


class _Door:
    """One run for all scenario items that were selected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._selected: dict[str, tuple[Scenario, Any]] = {}
        self._found: dict[str, list[Finding]] = {}
        self._session: Session | None = None
        self._result: RunResult | None = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if isinstance(item, ScenarioItem):
                self._selected[item.scenario] = item.loaded

    def findings(self, item: ScenarioItem) -> list[Finding]:
        """Findings of the item's scenario, which is run now unless it was already."""
        from fawkes.harness.catalogue import CATALOGUE
        from fawkes.harness.history import read_history
        from fawkes.harness.judge import judge_scenario

        if self._session is None:
            self._session = self._open()
        if reason := self._session.skipped.get(item.scenario):
            pytest.skip(reason)
        if item.scenario not in self._found:
            self._session.run(item.scenario)
            history = read_history(self._session.directory.history(item.scenario))
            result = judge_scenario(item.scenario, item.loaded[0], history, CATALOGUE)
            self._found[item.scenario] = list(result.findings)
        return self._found[item.scenario]

    def _open(self) -> Session:
        from fawkes.harness.mutants import find_mutant
        from fawkes.harness.providers.existing.target import Target
        from fawkes.harness.session import Session, Wish

        option = self._config.getoption
        mutant = option("--mutant")
        wish = Wish(
            on=option("--env"),
            profile=option("--profile"),
            seed=option("--seed"),
            runs=Path(option("--runs")),
            mutant=find_mutant(mutant) if mutant else None,
            reuse=option("--reuse"),
            target=Target.wished(
                option("--env"),
                context=option("--context"),
                kubeconfig=option("--kube-config"),
                namespace_prefix=option("--namespace-prefix"),
                services_image=option("--services-image"),
                install_operator=option("--install-operator"),
                yes_this_is=option("--yes-this-is"),
            ),
        )
        return Session(self._selected, wish, self._say, self._say)

    def _say(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None and self._config.getoption("verbose") > 0:
            reporter.write_line(line)

    def pytest_sessionfinish(self) -> None:
        if self._session is not None:
            self._result = self._session.finish()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._session is not None and self._result is not None:
            path = self._session.directory.path / "report.html"
            terminalreporter.write_line(f"fawkes: {self._result.verdict.name}, report: {path}")
