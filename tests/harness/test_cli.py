"""The command line, as a person calls it: exit codes, help with examples, errors that say what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
        (["judge", "nowhere"], "run.json: No such file"),
        (["report", "nowhere"], "harness judge nowhere"),
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
