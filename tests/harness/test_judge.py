"""From the record to the result: pure, repeatable byte for byte, and never greener than the record allows."""

import json
from dataclasses import replace

import pytest

from fawkes.harness import judge
from fawkes.harness.composition import scenario_loader
from fawkes.harness.errors import ProviderError, RecordError
from fawkes.harness.history import HistoryWriter
from fawkes.harness.model import Finding, ShippedAlert, Verdict
from fawkes.harness.places import SCENARIOS
from fawkes.harness.result_io import load_result
from fawkes.harness.rundir import Manifest, Planned, RunDirectory
from fawkes.harness.session import Session, write_result


def planned(name: str, skipped: str | None = None) -> Planned:
    ((_, value),) = scenario_loader().load([SCENARIOS / f"{name}.yaml"]).values()
    return Planned(name, value, skipped)


def prepared(path):
    path.parent.mkdir()
    return path


@pytest.fixture
def run(tmp_path):
    """A run of two scenarios: one was recorded without any observation, one was skipped."""
    manifest = Manifest(
        run_id="20260101-000000-test",
        seed=7,
        provider="local",
        profile="ci",
        started_at_s=1767225600.0,
        versions={"prometheus": "3.13.5"},
        machine={"cores": 2},
        git={},
        command="harness run",
        mutant=None,
        alerts=(ShippedAlert("PlatformServiceDown", "ns/alerts", "platform", "critical", True, True),),
        scenarios=(planned("smoke"), planned("alert_platform_service_down", skipped="provider x cannot kill")),
    )
    directory = RunDirectory.create(tmp_path, manifest)
    directory.scenario("smoke").mkdir()
    writer = HistoryWriter(directory.history("smoke"), wall_s=lambda: 1767225601.5, monotonic_s=lambda: 1.5)
    writer("phase", name="start", state="begin")
    writer("note", text="compressed clock")
    writer("resources", part="prometheus-core-0", rss_bytes=1000)
    writer("timing", wall_s=10.0, platform_s=6.0, waiting_s=3.5)
    writer.close()
    return directory


def test_a_record_without_observations_is_inconclusive_never_pass(run):
    smoke, alert = write_result(run).scenarios
    assert {f.verdict for f in smoke.findings} == {Verdict.INCONCLUSIVE}
    assert smoke.timing.overhead_s == pytest.approx(0.5)
    assert smoke.rss_bytes == {"prometheus-core-0": 1000}
    assert smoke.notes == ("compressed clock",)
    assert (alert.verdict, alert.skipped) == (Verdict.INCONCLUSIVE, "provider x cannot kill")


def test_a_skipped_scenario_says_nothing_of_those_that_ran(run, monkeypatch):
    right = Finding("an expectation", "a check", Verdict.PASS, 1, 1, "as it must be")
    monkeypatch.setattr(judge, "_judge", lambda *_: right)
    result = write_result(run)
    assert [one.verdict for one in result.scenarios] == [Verdict.PASS, Verdict.INCONCLUSIVE]
    assert result.verdict is Verdict.PASS


def test_a_run_of_which_everything_was_skipped_is_inconclusive(run):
    skipped = (planned("smoke", skipped="no Docker"),)
    manifest = replace(run.manifest(), run_id="skipped", scenarios=skipped)
    assert write_result(RunDirectory.create(run.path.parent, manifest)).verdict is Verdict.INCONCLUSIVE


def test_a_cluster_that_will_not_go_does_not_take_the_verdict_with_it(run):
    class Stuck:
        def close(self):
            raise ProviderError("Docker refuses")

    session = object.__new__(Session)
    session.directory, session._venue = run, Stuck()
    with pytest.raises(ProviderError, match="Docker refuses"):
        session.finish()
    assert load_result((run.path / "result.json").read_text()).scenarios[0].name == "smoke"


def test_a_shipped_alert_that_nothing_was_seen_of_is_in_the_result(run):
    (row,) = write_result(run).alerts
    assert (row.alert.name, row.sightings, row.verdict) == ("PlatformServiceDown", (), None)


def test_what_an_expectation_names_is_covered_even_if_nothing_was_recorded(run):
    manifest = run.manifest()
    run = RunDirectory.create(
        run.path.parent, replace(manifest, run_id="again", scenarios=(planned("alert_platform_service_down"),))
    )
    HistoryWriter(prepared(run.history("alert_platform_service_down"))).close()
    (row,) = write_result(run).alerts
    (sighting,) = row.sightings
    assert (sighting.clock_factor, sighting.verdict, sighting.fired) == (60, Verdict.INCONCLUSIVE, False)
    assert "Mattermost hears it once" in sighting.not_passed and sighting.quiet == ()


def test_judging_again_gives_the_same_bytes(run):
    write_result(run)
    names = ("result.json", "junit.xml", "report.md", "report.html")
    first = {name: (run.path / name).read_bytes() for name in names}
    write_result(RunDirectory(run.path))
    assert {name: (run.path / name).read_bytes() for name in names} == first


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_a_history_cut_short_anywhere_is_inconclusive(run, keep):
    path = run.history("smoke")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    smoke = write_result(run).scenarios[0]
    assert smoke.verdict is Verdict.INCONCLUSIVE
    assert "cut short" in smoke.findings[0].reason


def test_trouble_of_the_harness_is_a_finding_of_its_own(run):
    path = run.history("smoke")
    lines = path.read_text().splitlines(keepends=True)
    trouble = {"at_s": 1.0, "mono_s": 1.0, "kind": "error", "data": {"where": "ProviderError", "message": "no disk"}}
    path.write_text("".join([lines[0], json.dumps(trouble) + "\n", *lines[1:]]))
    first = write_result(run).scenarios[0].findings[0]
    assert (first.check, first.reason, first.verdict) == ("run", "no disk", Verdict.INCONCLUSIVE)


def test_a_run_stopped_before_a_scenarios_turn_is_inconclusive(run):
    run.history("smoke").unlink()
    run.scenario("smoke").rmdir()
    assert write_result(run).scenarios[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "damaged"), ('{"format": 99}', "another version"), ('{"format": 2}', "damaged"), ("[]", "damaged")],
)
def test_a_damaged_manifest_is_named(run, text, message):
    (run.path / "run.json").write_text(text)
    with pytest.raises(RecordError, match=rf"run.json: .*{message}"):
        write_result(run)


def test_a_directory_that_is_no_run_is_told(tmp_path):
    with pytest.raises(RecordError, match=r"run.json: No such file.*\.fawkes/runs/latest"):
        write_result(RunDirectory(tmp_path))
