import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import fawkes.fixtures
from fawkes.harness.clock import scale_objects
from fawkes.harness.components.prometheus import operator_settings
from fawkes.harness.duration import format_duration, parse_duration_s
from fawkes.harness.errors import UsageError
from fawkes.harness.operator.alertmanager import read_config
from fawkes.harness.operator.objects import Objects, load_objects
from fawkes.harness.operator.rules import rule_file, rule_file_name
from fawkes.harness.toolchain.provide import provide

CORE = ("Prometheus", "fawkes-monitoring", "core")
ALERTS = ("PrometheusRule", "fawkes-monitoring", "platform-alerts")


@pytest.fixture(scope="module")
def platform() -> Objects:
    return load_objects(Path(fawkes.fixtures.__file__).parent / "platform")


def rule(expr: str = "up == 0", **fields: str) -> Objects:
    """One PrometheusRule with one rule."""
    metadata = {"name": "r", "namespace": "n"}
    spec = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr, **fields}]}]}
    return Objects(({"apiVersion": "v1", "kind": "PrometheusRule", "metadata": metadata, "spec": spec},))


def only_rule(objects: Objects):
    return objects.get("PrometheusRule", "n", "r")["spec"]["groups"][0]["rules"][0]


def test_sixty_times_as_fast(platform):
    scaled = scale_objects(platform, 60).objects
    core = scaled.get(*CORE)["spec"]
    assert (core["scrapeInterval"], core["evaluationInterval"]) == ("500ms", "500ms")
    group = scaled.get(*ALERTS)["spec"]["groups"][0]
    assert group["interval"] == "500ms"
    by_name = {one["alert"]: one for one in group["rules"]}
    assert by_name["PlatformServiceDown"]["for"] == "5s"
    assert by_name["PodCrashLooping"]["expr"] == "increase(kube_pod_container_status_restarts_total[1m]) >= 3"
    route = read_config(scaled.get("Secret", "fawkes-monitoring", "alertmanager-main"))["route"]
    assert (route["group_wait"], route["group_interval"], route["repeat_interval"]) == ("500ms", "5s", "4m")


def test_the_alert_timers_that_only_have_defaults_are_scaled_too(platform):
    core = scale_objects(platform, 60).objects.get(*CORE)["spec"]
    assert core["rules"]["alert"] == {"resendDelay": "1s", "forOutageTolerance": "1m", "forGracePeriod": "10s"}
    settings = operator_settings(core)
    assert settings["rules.alert.resend-delay"] == "1s"
    assert settings["rules.alert.for-outage-tolerance"] == "1m"
    assert settings["rules.alert.for-grace-period"] == "10s"


def test_retention_lookback_and_everything_else_stay(platform):
    scaled = scale_objects(platform, 60).objects
    before, after = platform.get(*CORE)["spec"], scaled.get(*CORE)["spec"]
    changed = {key for key in after if after[key] != before.get(key)}
    assert changed == {"scrapeInterval", "evaluationInterval", "rules"}
    assert "query.lookback-delta" not in operator_settings(after)
    assert _windows_by_label(scaled) == _windows_by_label(platform)
    assert [one for one in scaled if one["kind"] == "Service"] == [one for one in platform if one["kind"] == "Service"]


def _windows_by_label(objects):
    """The rules that read the service's windowed gauges: their windows are label values, not durations."""
    groups = objects.get("PrometheusRule", "fawkes-monitoring", "dora-metrics")["spec"]["groups"]
    return [group["rules"] for group in groups if group["name"] in ("dora_windows", "dora")]


def test_the_original_is_not_touched(platform):
    scale_objects(platform, 60)
    assert platform.get(*CORE)["spec"]["scrapeInterval"] == "30s"


def test_every_change_is_accounted_for(platform):
    account = {(s.where, s.before_s, s.after_s) for s in scale_objects(platform, 60).scaled}
    assert account >= {
        ("Prometheus fawkes-monitoring/core scrapeInterval", 30, 0.5),
        ("Prometheus fawkes-monitoring/core rules.alert resendDelay", 60, 1),
        ("PrometheusRule fawkes-monitoring/platform-alerts platform interval", 30, 0.5),
        ("PrometheusRule fawkes-monitoring/platform-alerts platform PlatformServiceDown for", 300, 5),
        ("PrometheusRule fawkes-monitoring/platform-alerts platform PodCrashLooping expr", 3600, 60),
        ("Secret fawkes-monitoring/alertmanager-main route repeat_interval", 14400, 240),
    }


def test_monitors_rule_fields_and_nested_routes(platform):
    def slower(monitor):
        monitor["spec"]["endpoints"][0].update(interval="1m", scrapeTimeout="20s")

    def more_routes(secret):
        config = yaml.safe_load(secret["stringData"]["alertmanager.yaml"])
        config["global"]["resolve_timeout"] = "5m"
        config["route"]["routes"][0]["routes"] = [{"receiver": "mattermost", "group_wait": "1m"}]
        del config["route"]["group_interval"]
        secret["stringData"]["alertmanager.yaml"] = yaml.safe_dump(config)

    edited = platform.edit("ServiceMonitor", "fawkes-cicd", "argocd", slower).edit(
        "Secret", "fawkes-monitoring", "alertmanager-main", more_routes
    )
    scaled = scale_objects(edited, 10).objects
    endpoint = scaled.get("ServiceMonitor", "fawkes-cicd", "argocd")["spec"]["endpoints"][0]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == ("6s", "2s")
    config = read_config(scaled.get("Secret", "fawkes-monitoring", "alertmanager-main"))
    assert config["global"]["resolve_timeout"] == "30s"
    assert config["route"]["group_interval"] == "30s"
    assert config["route"]["routes"][0]["routes"] == [{"receiver": "mattermost", "group_wait": "6s"}]
    assert "group_wait" not in config["route"]["routes"][1]
    kept = only_rule(scale_objects(rule(**{"for": "10m", "keep_firing_for": "5m"}), 10).objects)
    assert (kept["for"], kept["keep_firing_for"]) == ("1m", "30s")


def test_zero_stays_zero():
    assert only_rule(scale_objects(rule(**{"for": "0s"}), 1000).objects)["for"] == "0s"


def test_less_than_a_millisecond_is_refused_with_the_largest_factor():
    with pytest.raises(UsageError, match=r"n/r g A for: 5s divided by 1e\+06 .* at most 5000"):
        scale_objects(rule(**{"for": "5s"}), 1e6)
    with pytest.raises(UsageError, match="n/r g A expr: 1m divided"):
        scale_objects(rule("x offset -1m"), 1e6)


@pytest.mark.parametrize("factor", [0, -1, float("nan")])
def test_a_factor_must_be_positive(platform, factor):
    with pytest.raises(UsageError, match="makes no sense"):
        scale_objects(platform, factor)


@pytest.mark.parametrize(
    ("objects", "complaint"),
    [
        (rule(**{"for": "5 minutes"}), "n/r g A for: '5 minutes' is not a duration"),
        (rule("rate(x[5m"), "not a PromQL expression"),
    ],
)
def test_what_cannot_be_read_is_refused(objects, complaint):
    with pytest.raises(UsageError, match=complaint):
        scale_objects(objects, 60)


def test_rules_that_read_the_clock_are_named(platform):
    # The age of an event is true time on either clock: the service computes in event time.
    assert scale_objects(platform, 60).unscaled == (
        "PrometheusRule fawkes-monitoring/dora-alerts dora_service DoraEventsStale: time",
    )
    scaling = scale_objects(rule("time() - max(last_event) > 3600"), 60)
    assert scaling.unscaled == ("PrometheusRule n/r g A: time",)


@given(st.integers(min_value=1, max_value=10**9), st.sampled_from([1, 2, 7, 60, 1000]))
def test_slower_and_faster_again_is_where_it_began(milliseconds, factor):
    objects = rule("increase(x[1h] offset 7m) > 1", **{"for": format_duration(milliseconds / 1000)})
    slower = scale_objects(objects, 1 / factor).objects
    again = only_rule(scale_objects(slower, factor).objects)
    assert parse_duration_s(again["for"]) * 1000 == pytest.approx(milliseconds)
    assert again["expr"] == "increase(x[1h] offset 7m) > 1"


@pytest.mark.slow
@pytest.mark.parametrize("factor", [60, 7, 0.5])
def test_prometheus_accepts_the_scaled_rules(platform, tmp_path, factor):
    promtool = provide(["promtool"], progress=print)["promtool"].path
    files = []
    for one in scale_objects(platform, factor).objects.of("PrometheusRule"):
        files.append(tmp_path / rule_file_name(one))
        files[-1].write_text(rule_file(one))
    command = [str(promtool), "check", "rules", "--lint=all", "--lint-fatal", *map(str, files)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
