"""The command line, as a person calls it: exit codes, help with examples, errors that say what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fawkes.harness.model import RunResult, Verdict
from fawkes.harness.result_io import dump_result
from fawkes.reports.render import RENDERERS

pytestmark = pytest.mark.slow

HARNESS = Path(sys.executable).with_name("harness")


def harness(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HARNESS, *words], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_help_shows_examples_and_exit_codes(tmp_path):
    done = harness("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("Exit codes: 0 pass, 1 fail, 2 inconclusive", "harness doctor", "--install-completion"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "smok"], "did you mean 'smoke'"),
        (["run", "--mutant", "alert_wrong_fro", "smoke"], "did you mean 'alert_wrong_for'"),
        (["run", "--profile", "weekly"], "nightly"),
        (["run", "--nonsense"], "No such option"),
        (["rum"], "Did you mean 'run'"),
        (["run", "smoke", "--on", "existing"], "say which cluster with --context"),
        (["run", "smoke", "--on", "existing", "--context", "c"], "--namespace-prefix alice"),
        (["preflight", "--context", "c", "--namespace-prefix", "kube"], "choose another"),
        (["up", "--context", "c"], "for --on existing, not for --on local"),
        (["judge", "nowhere"], "run.json: No such file"),
        (["report", "nowhere"], "harness judge nowhere"),
        (["report"], ".fawkes/runs/latest/result.json does not exist"),
        (["report", "--format", "pdf"], "markdown"),
        (["up", "--port", "grafana"], "PART=NUMBER"),
        (["run", "broken.yaml"], "broken.yaml:1: claim"),
    ],
)
def test_wrong_usage_is_code_3_with_a_remedy_and_no_traceback(tmp_path, words, says):
    (tmp_path / "broken.yaml").write_text("claim: x\n")
    done = harness(*words, cwd=tmp_path)
    assert done.returncode == 3
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_list_shows_every_scenario_with_its_claim(tmp_path):
    done = harness("list", cwd=tmp_path)
    for name in ("smoke", "dora_golden", "alert_platform_service_down", "retention_tiers", "query_latency_under_load"):
        assert name in done.stdout


def test_mutants_are_listed_with_the_scenario_that_catches_them(tmp_path):
    done = harness("mutants", cwd=tmp_path)
    assert "adr_literal_rule" in done.stdout
    assert "dora_golden" in done.stdout


def test_the_schema_is_json_for_editors(tmp_path):
    schema = json.loads(harness("schema", cwd=tmp_path).stdout)
    assert schema["$schema"].endswith("2020-12/schema")
    assert set(schema["required"]) == {"claim", "expect"}


def test_gc_and_down_on_a_clean_machine_say_that_there_is_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "0 crashed runs" in harness("gc", cwd=tmp_path).stdout
    assert "no platform is up" in harness("down", cwd=tmp_path).stdout


def test_a_run_directory_that_cannot_be_written_is_told_before_anything_starts(tmp_path):
    (tmp_path / "file").write_text("")
    done = harness("run", "smoke", "--runs", str(tmp_path / "file"), cwd=tmp_path)
    assert done.returncode == 3
    assert "--runs DIR" in done.stderr


@pytest.fixture
def latest(tmp_path) -> RunResult:
    """The result of a run without scenarios, as the latest of this directory."""
    about = {"run_id": "r1", "seed": 7, "provider": "local", "profile": "ci", "started_at_s": 1.7e9}
    result = RunResult(
        **about,
        verdict=Verdict.INCONCLUSIVE,
        scenarios=(),
        versions={"é": "1"},
        machine={},
        git={},
        command="harness run",
    )
    directory = tmp_path / ".fawkes" / "runs" / "latest"
    directory.mkdir(parents=True)
    (directory / "result.json").write_text(dump_result(result), encoding="utf-8")
    return result


@pytest.mark.parametrize("name", [*RENDERERS, "json"])
def test_a_report_is_printed_as_its_file_holds_it(tmp_path, latest, name):
    done = harness("report", "--format", name, cwd=tmp_path)
    expected = dump_result(latest) if name == "json" else RENDERERS[name][1](latest)
    assert (done.returncode, done.stdout) == (0, expected)


def test_without_a_format_the_verdict_of_the_latest_run_is_told(tmp_path, latest):
    done = harness("report", cwd=tmp_path)
    assert done.stdout.splitlines()[-2:] == [
        "0 scenarios: 0 pass, 0 fail, 0 inconclusive, 0 skipped",
        "report: .fawkes/runs/latest/report.html",
    ]
