"""The verdict as plain lines."""

from fawkes.reports.text import finding_lines, summary_lines


def test_one_line_per_scenario_and_the_counts_last(green):
    assert summary_lines(green) == [
        "PASS          smoke                           17.2 s  A sample and an event of this run travel the whole way.",
        "PASS          alert_platform_service_down     43.0 s  A dead platform service is reported to Mattermost and "
        "PagerDuty once, and resolved when it is back.",
        "alerts: 1 shipped, 1 unit-tested, 1 fired, 1 resolved, 1 delivered, 1 kept quiet when they had to; "
        "every one is covered",
        "2 scenarios: 2 pass, 0 fail, 0 inconclusive, 0 skipped",
    ]


def test_a_failure_is_explained_below_its_scenario(mixed):
    lines = summary_lines(mixed)
    start = next(index for index, line in enumerate(lines) if line.startswith("FAIL"))
    assert lines[start + 1].startswith("    FAIL deployment frequency in Prometheus: Prometheus says 0.034")
    assert lines[start + 2 : start + 9] == [
        "        deployments_per_day: expected 1.14285714286, observed 0.0342857142857 (-1.10857)",
        "        samples: expected 8, observed 8 (0)",
        "        tolerance ± 0.0119 1/day: increase() over 7d extrapolates by at most one scrape interval at each end",
        "        The chain breaks at rule.",
        "        rule (prometheus-core-0): expected 1.14285714286, observed 0.0342857142857: dora:deployments:per_day",
        "        rule (prometheus-core-1): expected 1.14285714286, observed absent: no series",
        "        thanos (thanos-query): expected 1.14285714286, observed 0.0342857142857",
    ]
    assert lines[-1] == "7 scenarios: 2 pass, 2 fail, 2 inconclusive, 1 skipped"


def test_a_finding_alone_starts_at_the_margin(mixed):
    lines = finding_lines(mixed.scenarios[3].findings[0])
    assert lines[0].startswith("INCONCLUSIVE p99 under load: The generator offered")
    assert lines[1] == "    p50_s: expected 0.05, observed 0.012 (-0.038)"
    assert lines[-1] == "    load (locust): expected 200, observed 163.2: two cores were busy"


def test_skipped_and_cut_short_scenarios_say_why(unclear):
    lines = summary_lines(unclear)
    assert "    skipped: The provider `existing` cannot kill a part." in lines
    assert any("The scenario as a whole is INCONCLUSIVE" in line for line in lines)


def test_no_line_can_drive_a_terminal_or_become_two(mixed):
    for line in summary_lines(mixed):
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char == "\u202e" for char in line)
        assert len(line.splitlines()) == 1


def test_nothing_ran(empty):
    assert summary_lines(empty) == ["0 scenarios: 0 pass, 0 fail, 0 inconclusive, 0 skipped"]


def test_coverage_is_told_before_the_counts(mixed):
    alerts, dora, _ = summary_lines(mixed)[-3:]
    assert (
        alerts.startswith("alerts: 6 shipped, 4 unit-tested, 2 fired")
        and "not covered: PlatformServiceAbsent" in alerts
    )
    assert dora == "dora: 2 followed, 1 the same at every stage; different: 1 first at rule"


def test_a_mutant_is_announced_before_the_counts(make_run, failing_scenario):
    lines = summary_lines(make_run(failing_scenario, mutant="dropped_webhook"))
    assert any("mutant dropped_webhook" in line for line in lines[-3:])
