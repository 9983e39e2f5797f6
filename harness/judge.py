"""From the record to the result. Pure functions of run.json and history.jsonl, so a verdict can be repeated offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fawkes.harness.catalogue import CATALOGUE, Kind
from fawkes.harness.errors import RecordError
from fawkes.harness.expectation import Expectation
from fawkes.harness.history import read_history
from fawkes.harness.model import AlertSighting, Finding, History, RunResult, ScenarioResult, Stage, Timing, Verdict
from fawkes.harness.rundir import Manifest, Planned, RunDirectory
from fawkes.harness.scenario import Loader, Profile, Scenario
from fawkes.harness.summary.chains import dora_chains
from fawkes.harness.summary.coverage import alert_sightings, coverage
from fawkes.harness.summary.timeline import timeline


def judge_run(run: RunDirectory, loader: Loader) -> RunResult:
    """The result of a recorded run. RecordError when run.json or a history is damaged."""
    manifest = run.manifest()
    judged = [_judge_planned(planned, run, loader, manifest.profile) for planned in manifest.scenarios]
    scenarios = tuple(scenario for scenario, _ in judged)
    return RunResult(
        **_about(manifest),
        verdict=Verdict.worst(s.verdict for s in scenarios if s.skipped is None),
        scenarios=scenarios,
        alerts=coverage(manifest.alerts, (sightings for _, sightings in judged)),
        dora=dora_chains(scenarios),
    )


def judge_scenario(name: str, scenario: Scenario, history: History, catalogue: Mapping[str, Kind]) -> ScenarioResult:
    """Every expectation's finding, and the worst of their verdicts."""
    findings = (*_trouble(history), *(_judge(expect, history, catalogue) for expect in scenario.expect))
    return ScenarioResult(
        name=name,
        claim=scenario.claim,
        verdict=Verdict.worst(f.verdict for f in findings),
        findings=findings,
        timing=_timing(history),
        timeline=timeline(history),
        notes=tuple(r.data["text"] for r in history.of("note")),
        rss_bytes={r.data["part"]: r.data["rss_bytes"] for r in history.of("resources")},
    )


def _judge_planned(
    planned: Planned, run: RunDirectory, loader: Loader, profile: Profile
) -> tuple[ScenarioResult, dict[str, AlertSighting]]:
    scenario = loader.restore(planned.value, str(run.path / "run.json"))
    if planned.skipped is not None:
        skipped = ScenarioResult(
            name=planned.name,
            claim=scenario.claim,
            verdict=Verdict.INCONCLUSIVE,
            findings=(),
            timing=Timing(0.0, 0.0, 0.0),
            skipped=planned.skipped,
        )
        return skipped, {}
    path = run.history(planned.name)
    if not path.exists() and not run.scenario(planned.name).exists():
        history = History([], complete=False)  # the run was stopped before its turn
    else:
        history = read_history(path)
    result = judge_scenario(planned.name, scenario, history, CATALOGUE)
    factor = scenario.clock_factor(profile)
    return result, alert_sightings(planned.name, scenario.expect, history, result.findings, clock_factor=factor)


def _judge(expect: Expectation, history: History, catalogue: Mapping[str, Kind]) -> Finding:
    """A check that throws could not tell; that is never a pass and never the platform's failure."""
    try:
        return catalogue[expect.check].check(expect, history)
    except RecordError:
        raise
    except Exception as error:
        return _inconclusive(expect.name, expect.check, f"the check itself failed: {type(error).__name__}: {error}")


def _trouble(history: History) -> list[Finding]:
    """Findings about the record itself: harness trouble is inconclusive."""
    found = [
        _inconclusive(f"run: {record.data['where']}", "run", record.data["message"]) for record in history.of("error")
    ]
    if not history.complete:
        found.append(_inconclusive("run: record", "run", "the record is cut short: the run did not come to its end"))
    return found


def _inconclusive(name: str, check: str, reason: str) -> Finding:
    return Finding(
        expectation=name,
        check=check,
        verdict=Verdict.INCONCLUSIVE,
        expected="a whole record",
        observed=None,
        reason=reason,
        stage=Stage.HARNESS,
    )


def _timing(history: History) -> Timing:
    records = history.of("timing")
    if not records:
        return Timing(0.0, 0.0, 0.0)
    data = records[-1].data
    return Timing(wall_s=data["wall_s"], platform_s=data["platform_s"], waiting_s=data["waiting_s"])


def _about(manifest: Manifest) -> dict[str, Any]:
    return {
        "run_id": manifest.run_id,
        "seed": manifest.seed,
        "provider": manifest.provider,
        "profile": manifest.profile,
        "started_at_s": manifest.started_at_s,
        "versions": manifest.versions,
        "machine": manifest.machine,
        "git": manifest.git,
        "command": manifest.command,
        "mutant": manifest.mutant,
    }
