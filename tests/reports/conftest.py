"""Hand-built results that the report tests share. Refresh the stored samples with:

REFRESH_SAMPLES=1 .venv/bin/pytest tests/reports -q      (then read the diff before committing it)
"""

import dataclasses

import pytest

from fawkes.harness.model import (
    AlertCoverage,
    AlertSighting,
    Finding,
    Mark,
    Observation,
    Passage,
    RunResult,
    ScenarioResult,
    ShippedAlert,
    Stage,
    Timing,
    Tolerance,
    Verdict,
)
from fawkes.harness.summary.chains import dora_chains

START_S = 1_764_000_000.0
MIB = 1024 * 1024

# Everything that breaks a report that does not escape: markup, quotes, a Markdown table and mention, a link, characters
# that XML 1.0 forbids, a terminal escape, a bidirectional override, half a surrogate pair.
ODD = "a<b>&\"c'</script><!-- ]]> | `code` ``x`` **bold** @team [l](u) \x00\x07\x1b[31mred\r\n\tnext \u202eevil \ud83d é 日本 🚀"

MEMORY = {
    "prometheus-core-0": 412 * MIB,
    "prometheus-core-1": 405 * MIB,
    "prometheus-apps-0": 96 * MIB,
    "thanos-query": 71 * MIB,
    "thanos-store": 88 * MIB,
    "alertmanager-0": 41 * MIB,
    "minio": 133 * MIB,
    "postgres": 62 * MIB,
    "dora": 118 * MIB,
}


def ok(stage: Stage, source: str, value: object, **subject: str) -> Observation:
    return Observation(stage, source, value, value, True, subject=subject)


FREQUENCY = {"metric": "deployment_frequency_per_day", "team": "payments", "window": "7d"}
LEAD_TIME = {"metric": "lead_time_p50_s", "team": "payments", "window": "7d"}


def dora_golden() -> ScenarioResult:
    values = {
        "change_failure_rate": 0.25,
        "deployments_per_day": 1.142857142857143,
        "lead_time_s": {"p50": 4950, "p95": 7200},
        "recovery_time_s": {"p50": 1500},
    }
    exact = Finding(
        "rest values",
        "dora",
        Verdict.PASS,
        values,
        values,
        "The REST API answers the values computed by hand, exactly.",
        tolerance=Tolerance(0, "", "the same integers enter the same formula"),
        evidence=(
            ok(Stage.EVENT, "webhooks", 24),
            ok(Stage.STORE, "postgres", 24),
            ok(Stage.EVENT, "oracle", 4950, **LEAD_TIME),
            ok(Stage.REST, "dora", 4950, **LEAD_TIME),
        ),
    )
    broken = Finding(
        "deployment frequency in Prometheus",
        "dora",
        Verdict.FAIL,
        {"deployments_per_day": 1.142857142857143, "samples": 8},
        {"deployments_per_day": 0.034285714285714, "samples": 8},
        "Prometheus says 0.034 deployments a day where 1.143 were made: the rule divides by 30 days, not by the window.",
        stage=Stage.RULE,
        tolerance=Tolerance(
            0.0119, "1/day", "increase() over 7d extrapolates by at most one scrape interval at each end"
        ),
        evidence=(
            ok(Stage.EVENT, "webhooks", 8),
            ok(Stage.EVENT, "oracle", 1.142857142857143, **FREQUENCY),
            ok(Stage.STORE, "postgres", 8),
            ok(Stage.REST, "dora", 1.142857142857143, **FREQUENCY),
            ok(Stage.EXPORTER, "dora", 1.142857142857143, **FREQUENCY),
            ok(Stage.PROMETHEUS, "prometheus-core-0", 1.142857142857143, **FREQUENCY),
            ok(Stage.PROMETHEUS, "prometheus-core-1", 1.142857142857143, **FREQUENCY),
            Observation(
                *(Stage.RULE, "prometheus-core-0", 1.142857142857143, 0.034285714285714, False),
                note="dora:deployments:per_day",
                subject=FREQUENCY,
            ),
            Observation(
                *(Stage.RULE, "prometheus-core-1", 1.142857142857143, None, False), note="no series", subject=FREQUENCY
            ),
            Observation(
                *(Stage.THANOS, "thanos-query", 1.142857142857143, 0.034285714285714, False), subject=FREQUENCY
            ),
        ),
    )
    starts = (0.0, 0.4, 0.9, 1.5, 6.0, 9.5, 14.2, 14.3, 14.35)
    marks = [Mark(START_S + at, "webhook", ("commit", "build", "deployment")[n % 3]) for n, at in enumerate(starts)]
    marks += [
        Mark(START_S + 15.1, "webhook", "incident"),
        Mark(START_S + 2, "scrape gap", "exporter down", START_S + 8),
    ]
    return ScenarioResult(
        "dora_golden",
        "The four DORA values of a known history come out right in REST, exporter, Prometheus and Thanos.",
        Verdict.FAIL,
        (exact, broken),
        Timing(wall_s=31.4, platform_s=11.2, waiting_s=18.1),
        tuple(marks),
        notes=("Time: events carry their true occurred_at; history was forged up to the start of the run.",),
        rss_bytes=MEMORY,
    )


def alert_service_down() -> ScenarioResult:
    expected = [[0, "inactive"], [12.5, "pending"], [17.5, "firing"], [29, "inactive"]]
    observed = [[0, "inactive"], [12.6, "pending"], [17.7, "firing"], [29.2, "inactive"]]
    timeline = Finding(
        "timeline as predicted",
        "alerts",
        Verdict.PASS,
        expected,
        observed,
        "The alert went pending, fired and resolved when promtool said it would.",
        tolerance=Tolerance(0.75, "s", "one scrape (0.25 s) + one evaluation (0.25 s) + group jitter (0.25 s)"),
        evidence=(ok(Stage.RULE, "prometheus-core-0", "firing"), ok(Stage.ALERTMANAGER, "alertmanager-0", "active")),
    )
    once = Finding(
        "notified once",
        "notifications",
        Verdict.PASS,
        {"mattermost": 1, "pagerduty": 1},
        {"mattermost": 1, "pagerduty": 1},
        "Mattermost and PagerDuty were told once each.",
        evidence=(
            ok(Stage.RULE, "prometheus-core-0", "firing"),
            ok(Stage.ALERTMANAGER, "alertmanager-0", "active"),
            ok(Stage.RECEIVER, "mattermost", 1),
            ok(Stage.RECEIVER, "pagerduty", 1),
        ),
    )
    at = START_S + 40
    marks = (
        Mark(at, "phase", "platform ready"),
        Mark(at + 12, "fault", "jenkins stopped", at + 29),
        Mark(at + 12.6, "PlatformServiceDown", "pending", at + 17.7),
        Mark(at + 17.7, "PlatformServiceDown", "firing", at + 29.2),
        Mark(at + 29.2, "PlatformServiceDown", "resolved"),
        Mark(at + 17.9, "mattermost", "firing"),
        Mark(at + 30.1, "mattermost", "resolved"),
        Mark(at + 17.95, "pagerduty", "trigger"),
        Mark(at + 30.12, "pagerduty", "resolved"),
    )
    return ScenarioResult(
        "alert_platform_service_down",
        "A dead platform service is reported to Mattermost and PagerDuty once, and resolved when it is back.",
        Verdict.PASS,
        (timeline, once),
        Timing(wall_s=43.0, platform_s=9.8, waiting_s=32.0),
        marks,
        notes=("Time: clock compressed by 60; the unscaled rule was evaluated offline by promtool.",),
        rss_bytes=MEMORY,
    )


def query_latency() -> ScenarioResult:
    void = Finding(
        "p99 under load",
        "latency",
        Verdict.INCONCLUSIVE,
        {"p50_s": 0.05, "p95_s": 0.25, "p99_s": 0.5},
        {"p50_s": 0.012, "p95_s": 0.09, "p99_s": 0.31},
        "The generator offered 200 queries/s and achieved 163: the latencies are not those of the claimed load.",
        stage=Stage.LOAD,
        tolerance=Tolerance(2, "%", "the share of the offered rate that may be missing before a run is void"),
        evidence=(
            Observation(Stage.LOAD, "locust", 200, 163.2, False, "two cores were busy"),
            ok(Stage.PROMETHEUS, "prometheus-core-0", 100_000),
        ),
    )
    right = Finding("answers are right", "latency", Verdict.PASS, 0, 0, "None of 4,896 answers was wrong.")
    at = START_S + 90
    marks = [Mark(at + 0.2 * n, "query", "slow query") for n in range(150)]
    marks += [Mark(at + 7 * n, "churn", f"generation {n}", at + 7 * n + 7) for n in range(5)]
    marks += [Mark(at + 2 * n, "compaction", "head", at + 2 * n + 6) for n in range(15)]
    return ScenarioResult(
        "query_latency_under_load",
        "Range queries answer within the SLO while 100,000 series churn.",
        Verdict.INCONCLUSIVE,
        (void, right),
        Timing(wall_s=58.9, platform_s=10.4, waiting_s=45.0),
        tuple(marks),
        rss_bytes={**MEMORY, "prometheus-core-0": 1324 * MIB, "prometheus-core-1": 1298 * MIB},
    )


def odd_characters() -> ScenarioResult:
    finding = Finding(
        f"odd {ODD}",
        "ingest",
        Verdict.FAIL,
        {"label": ODD, "long": "x" * 300, "list": list(range(200)), "nan": float("nan"), "none": None},
        {"label": ODD + "!", "long": "x" * 299 + "y", "list": list(range(199)), "nan": float("inf"), "none": []},
        f"The label came back changed: {ODD}",
        stage=Stage.BUCKET,
        tolerance=Tolerance(0, ODD, f"exact {ODD}"),
        evidence=(Observation(Stage.BUCKET, ODD, ODD, {"value": ODD}, False, ODD),),
    )
    return ScenarioResult(
        "odd_characters",
        f"Label values survive the way, whatever they hold: {ODD}",
        Verdict.FAIL,
        (finding,),
        Timing(wall_s=0.0, platform_s=0.0, waiting_s=0.0),
        (Mark(START_S + 150, ODD, ODD), Mark(float("nan"), "broken clock", "never")),
        notes=(ODD,),
        rss_bytes={ODD: 1},
    )


def skipped() -> ScenarioResult:
    return ScenarioResult(
        "replica_loss",
        "Losing one replica loses no sample.",
        Verdict.INCONCLUSIVE,
        (),
        Timing(0.0, 0.0, 0.0),
        skipped="The provider `existing` cannot kill a part.",
    )


def cut_short() -> ScenarioResult:
    passed = Finding("blocks uploaded", "retention", Verdict.PASS, 3, 3, "All three blocks are in the bucket.")
    return ScenarioResult(
        "retention_tiers",
        "What is older than the local limit is answered by Thanos, value for value.",
        Verdict.INCONCLUSIVE,
        (passed,),
        Timing(wall_s=12.0, platform_s=12.0, waiting_s=0.0),
        notes=("The end of the record is missing: the harness was killed.",),
    )


def smoke() -> ScenarioResult:
    passed = Finding(
        "sample seen through Thanos",
        "smoke",
        Verdict.PASS,
        1,
        1,
        "One deduplicated series with this run's id came back.",
        tolerance=Tolerance(0, "series", "deduplication over two replicas leaves one"),
        evidence=(
            ok(Stage.PROMETHEUS, "prometheus-core-0", 1),
            ok(Stage.SIDECAR, "thanos-sidecar-core-0", 1),
            ok(Stage.THANOS, "thanos-query", 1),
        ),
    )
    return ScenarioResult(
        "smoke",
        "A sample and an event of this run travel the whole way.",
        Verdict.PASS,
        (passed,),
        Timing(wall_s=17.2, platform_s=11.0, waiting_s=5.1),
    )


def alert(name: str, *sightings: AlertSighting, **changes) -> AlertCoverage:
    shipped = ShippedAlert(name, "fawkes-monitoring/platform-alerts", "platform", "critical", True, True)
    return AlertCoverage(dataclasses.replace(shipped, **changes), sightings)


def service_down_seen() -> AlertSighting:
    at = START_S + 40
    way = {"condition": 12.1, "pending": 12.6, "firing": 17.7, "mattermost": 17.9, "pagerduty": 17.95}
    end = {"condition": 29.0, "inactive": 29.2, "mattermost": 30.1, "pagerduty": 30.12}
    return AlertSighting(
        "alert_platform_service_down",
        Verdict.PASS,
        60.0,
        raised=tuple(Passage(place, at + s) for place, s in way.items()),
        cleared=tuple(Passage(place, at + s) for place, s in end.items()),
        quiet=("notified once",),
    )


def covered_alerts() -> tuple[AlertCoverage, ...]:
    """One of each kind: proved, not covered, failed, and only quiet."""
    silent = AlertSighting("query_latency_under_load", Verdict.INCONCLUSIVE, 1.0, not_passed=("p99 under load",))
    late = (Passage("firing", START_S + 60), Passage("alertmanager", START_S + 60.2), Passage("email", START_S + 61))
    failed = AlertSighting(
        "dora_golden", Verdict.FAIL, 60.0, raised=late, not_passed=("deployment frequency in Prometheus",)
    )
    quiet = AlertSighting("smoke", Verdict.PASS, 60.0, quiet=("sample seen through Thanos",))
    return (
        alert("PlatformServiceDown", service_down_seen()),
        alert("PlatformServiceAbsent", tested_quiet=False),
        alert("DoraDeploymentsStopped", failed, rule="fawkes-monitoring/dora-alerts", group="dora", severity="warning"),
        alert("HighMemoryUsage", quiet, severity="warning"),
        alert("PodCrashLooping", silent, severity="", tested_firing=False, tested_quiet=False),
        alert(
            ODD,
            dataclasses.replace(quiet, scenario="odd_characters", quiet=(f"odd {ODD}",)),
            rule=ODD,
            group=ODD,
            severity=ODD,
        ),
    )


def run_of(*scenarios: ScenarioResult, **changes) -> RunResult:
    """A run of these scenarios, with the verdict and the DORA chains that they make."""
    result = RunResult(
        run_id="20251124-160000-7f3a",
        seed=4711,
        provider="local",
        profile="ci",
        started_at_s=START_S - 20,
        verdict=Verdict.worst(s.verdict for s in scenarios if s.skipped is None),
        scenarios=scenarios,
        versions={"prometheus": "3.13.5", "thanos": "0.42.0", "alertmanager": "0.31.1", "harness": "0.1.0"},
        machine={"cores": 2, "memory_bytes": 24_696_061_952, "kernel": "6.1.0", "cpu_model": "a processor"},
        git={"commit": "3e1f5c2", "branch": "main", "dirty": True},
        command="harness run --on local --profile ci --seed 4711",
        dora=dora_chains(scenarios),
    )
    return dataclasses.replace(result, **changes)


@pytest.fixture(scope="session")
def mixed() -> RunResult:
    """Every outcome, every odd case."""
    return run_of(
        *(smoke(), dora_golden(), alert_service_down(), query_latency(), cut_short(), skipped(), odd_characters()),
        alerts=covered_alerts(),
    )


@pytest.fixture(scope="session")
def green() -> RunResult:
    return run_of(smoke(), alert_service_down(), alerts=(alert("PlatformServiceDown", service_down_seen()),))


@pytest.fixture(scope="session")
def unclear() -> RunResult:
    """Nothing failed, one scenario could not be judged, one was cut short, one was skipped."""
    return run_of(smoke(), query_latency(), cut_short(), skipped())


@pytest.fixture(scope="session")
def empty() -> RunResult:
    return run_of(versions={}, machine={}, git={})


@pytest.fixture(scope="session")
def make_run():
    return run_of


@pytest.fixture(scope="session")
def failing_scenario() -> ScenarioResult:
    return dora_golden()
