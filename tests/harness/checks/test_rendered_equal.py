"""Which records prove that both renderings are the same. The operator's are made from ours, then one thing is changed."""

import copy

import pytest

from fawkes.harness.checks.rendered_equal import (
    GENERATED,
    OBJECT,
    RenderedEqualExpectation,
    check_rendered_equal,
)
from fawkes.harness.inventory import with_replicas
from fawkes.harness.local_rendering import local_rendering
from fawkes.harness.model import History, Record, Stage, Verdict
from fawkes.harness.operator.objects import display_name, load_objects
from fawkes.harness.operator.pods import pod_name, replicas
from fawkes.harness.places import PLATFORM

OBJECTS = load_objects(PLATFORM)
CORE, MAIN = "Prometheus fawkes-monitoring/core", "Alertmanager fawkes-monitoring/main"


def generated(objects):
    """Owner -> what an operator generates that does exactly what we do."""
    return copy.deepcopy(AS_THEY_SHIP if objects is OBJECTS else made_of(objects))


def made_of(objects):
    ours, made = local_rendering(objects), {}
    for owner in [*objects.of("Prometheus"), *objects.of("Alertmanager")]:
        tree = ours[pod_name(owner, 0)]
        config = tree["config"]
        if owner["kind"] == "Prometheus":
            config["global"]["external_labels"]["prometheus_replica"] = "$(POD_NAME)"
        made[display_name(owner)] = {
            "config": config,
            **({"rules": tree["rules"]} if "rules" in tree else {}),
            "args": {name: list(arguments(flags)) for name, flags in tree["flags"].items()},
            "env": {"SHARD": "0"},
            "labels": dict(tree["labels"]),
            "replicas": replicas(owner),
        }
    return made


def arguments(flags):
    for name, value in flags.items():
        values = value if isinstance(value, list) else [value]
        yield from (f"--{name}" if one is True else f"--{name}={one}" for one in values)


AS_THEY_SHIP = made_of(OBJECTS)


def judge(made, objects=OBJECTS):
    records = [Record(1.0, 0.0, OBJECT, {"expectation": "same", "object": one}) for one in objects]
    records += [
        Record(2.0, 1.0, GENERATED, {"expectation": "same", "owner": owner, **one}) for owner, one in made.items()
    ]
    return check_rendered_equal(RenderedEqualExpectation(name="same"), History(records))


def test_the_same_passes_and_tells_how_much_was_compared():
    found = judge(generated(OBJECTS))
    assert (found.verdict, found.stage) == (Verdict.PASS, None)
    assert found.expected == found.observed > 2000
    assert "fields of 5 parts" in found.reason


def dropped_step(made):
    del made[CORE]["config"]["scrape_configs"][0]["relabel_configs"][-1]


def other_interval(made):
    made[CORE]["config"]["global"]["scrape_interval"] = "1m"


def without_a_job(made):
    del made[CORE]["config"]["scrape_configs"][3]


def replica_label(made):
    made[CORE]["config"]["global"]["external_labels"]["prometheus_replica"] = "prometheus-core-0"


def other_namespace(made):
    discovery = made[CORE]["config"]["scrape_configs"][0]["kubernetes_sd_configs"][0]
    discovery["namespaces"]["names"] = ["elsewhere"]


def other_retention(made):
    args = made[CORE]["args"]["prometheus"]
    args[args.index("--storage.tsdb.retention.time=30d")] = "--storage.tsdb.retention.time=29d"


def more_flags(made):
    made[CORE]["args"]["prometheus"].append("--web.enable-admin-api")


def other_prometheus(made):
    args = made[CORE]["args"]["thanos-sidecar"]
    args[args.index("--prometheus.url=http://localhost:9090/")] = "--prometheus.url=http://elsewhere:9090/"


def without_sidecar(made):
    del made[CORE]["args"]["thanos-sidecar"]


def other_rule(made):
    made[CORE]["rules"]["fawkes-monitoring-platform-alerts"]["groups"][0]["rules"][0]["for"] = "1s"


def more_rules(made):
    made[CORE]["rules"]["fawkes-monitoring-more"] = {"groups": []}


def other_label(made):
    made[CORE]["labels"]["prometheus"] = "apps"


def more_replicas(made):
    made[CORE]["replicas"] = 3


def fewer_replicas(made):
    made[CORE]["replicas"] = 1


def other_route(made):
    made[MAIN]["config"]["route"]["group_by"] = ["alertname"]


def other_file(made):
    made[MAIN]["config"]["global"]["smtp_auth_password_file"] = "/etc/alertmanager/secrets/other/smtp-password"


def clustered(made):
    args = made[MAIN]["args"]["alertmanager"]
    args[args.index("--cluster.listen-address=")] = "--cluster.listen-address=[$(POD_IP)]:9094"


@pytest.mark.parametrize(
    ("change", "stage", "where"),
    [
        (
            dropped_step,
            Stage.PROMETHEUS,
            "config > scrape_configs > serviceMonitor/fawkes-cicd/argocd/0 > relabel_configs > 15",
        ),
        (other_interval, Stage.PROMETHEUS, "config > global > scrape_interval"),
        (without_a_job, Stage.PROMETHEUS, "config > scrape_configs > serviceMonitor/fawkes-monitoring/alertmanager/0"),
        (replica_label, Stage.PROMETHEUS, "config > global > external_labels > prometheus_replica"),
        (
            other_namespace,
            Stage.PROMETHEUS,
            "config > scrape_configs > serviceMonitor/fawkes-cicd/argocd/0 > kubernetes_sd_configs > 0 > namespaces > names > 0",
        ),
        (other_retention, Stage.PROMETHEUS, "flags > prometheus > storage.tsdb.retention.time"),
        (more_flags, Stage.PROMETHEUS, "flags > prometheus > web.enable-admin-api"),
        (other_prometheus, Stage.SIDECAR, "flags > thanos-sidecar > prometheus.url"),
        (without_sidecar, Stage.SIDECAR, "flags > thanos-sidecar"),
        (other_rule, Stage.RULE, "rules > fawkes-monitoring-platform-alerts > groups > platform > rules > 0 > for"),
        (more_rules, Stage.RULE, "rules > fawkes-monitoring-more"),
        (other_label, Stage.PROMETHEUS, "labels > prometheus"),
        (more_replicas, Stage.PROMETHEUS, "config"),
        (fewer_replicas, Stage.PROMETHEUS, "config"),
        (other_route, Stage.ALERTMANAGER, "config > route > group_by > 1"),
        (other_file, Stage.ALERTMANAGER, "config > global > smtp_auth_password_file"),
        (clustered, Stage.ALERTMANAGER, "flags > alertmanager > cluster.listen-address"),
    ],
)
def test_whatever_differs_fails_with_its_path(change, stage, where):
    made = generated(OBJECTS)
    change(made)
    found = judge(made)
    assert (found.verdict, found.stage) == (Verdict.FAIL, stage)
    assert f": {where} is " in found.reason
    assert [line for line in found.evidence if not line.ok and line.note == where]


def test_what_is_meant_to_differ_does_not_fail_and_says_why():
    made = generated(OBJECTS)
    made[MAIN]["config"]["global"]["pagerduty_url"] = "https://pagerduty.example/v2/enqueue"
    made[CORE]["args"]["prometheus"].append("--web.config.file=/etc/prometheus/web_config/web-config.yaml")
    found = judge(made)
    assert found.verdict is Verdict.PASS
    assert "config > global > pagerduty_url; meant: the run's own PagerDuty" in [line.note for line in found.evidence]


def test_flags_of_a_cluster_that_is_not_formed_say_nothing_those_of_one_that_is_do():
    alone = generated(OBJECTS)
    alone[MAIN]["args"]["alertmanager"] += ["--cluster.label=x", "--cluster.peer=alertmanager-main-0:9094"]
    assert judge(alone).verdict is Verdict.PASS

    objects = with_replicas(OBJECTS, {"alertmanager-main": 2})
    assert judge(generated(objects), objects).verdict is Verdict.PASS
    both = generated(objects)
    both[MAIN]["args"]["alertmanager"].append("--cluster.peer=alertmanager-main-2.alertmanager-operated:9094")
    assert judge(both, objects).stage is Stage.ALERTMANAGER


@pytest.mark.parametrize("owner", [CORE, MAIN])
def test_an_object_of_which_nothing_was_generated_proves_nothing(owner):
    made = generated(OBJECTS)
    del made[owner]
    found = judge(made)
    assert (found.verdict, found.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert owner in found.reason


def test_an_empty_record_proves_nothing():
    expect = RenderedEqualExpectation(name="same")
    assert check_rendered_equal(expect, History([])).verdict is Verdict.INCONCLUSIVE
    others = generated(OBJECTS)
    records = [
        Record(2.0, 1.0, GENERATED, {"expectation": "other", "owner": one, **made}) for one, made in others.items()
    ]
    assert check_rendered_equal(expect, History(records)).verdict is Verdict.INCONCLUSIVE
