"""Our rendering against what a real operator generates: an API server and the operator as processes, without nodes."""

import contextlib

import pytest

from control_plane import control_plane
from fawkes.harness.checks.meant_differences import MEANT
from fawkes.harness.checks.rendered_equal import RenderedEqualExpectation, check_rendered_equal
from fawkes.harness.clock import scale_objects
from fawkes.harness.eventually import RealClock
from fawkes.harness.history import HistoryWriter, read_history
from fawkes.harness.inventory import with_replicas
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.model import Stage, Verdict
from fawkes.harness.mutants import MUTANTS
from fawkes.harness.observe.rendered_equal import observe_rendered_equal
from fawkes.harness.operator import scrape
from fawkes.harness.operator.objects import load_objects, name_of
from fawkes.harness.places import PLATFORM
from live_world import LiveWorld
from operator_process import operator

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SHIPPED = load_objects(PLATFORM)
FOLLOWS_WITHIN_S = 20
"""The operator follows a change in one or two seconds; this is for a machine with other work."""


RULE = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "every-field", "namespace": "fawkes-monitoring", "labels": {"prometheus": "core"}},
    "spec": {
        "groups": [
            {
                "name": "all",
                "interval": "20s",
                "query_offset": "5s",
                "limit": 10,
                "labels": {"group": "all"},
                "partial_response_strategy": "warn",
                "rules": [
                    {"record": "every:up:sum", "expr": "sum(up)", "labels": {"kind": "record"}},
                    {"alert": "EveryField", "expr": "up == 0", "for": "2m", "keep_firing_for": "3m"},
                ],
            }
        ]
    },
}


def every_setting():
    """What ships, with every setting that becomes a flag, a global value, or a part of a rule."""

    def change(prometheus):
        spec = prometheus["spec"]
        spec |= {
            "scrapeTimeout": "7s",
            "ruleQueryOffset": "3s",
            "enableFeatures": ["exemplar-storage", "memory-snapshot-on-shutdown"],
            "enableRemoteWriteReceiver": True,
            "replicaExternalLabelName": "replica",
            "podMetadata": {"labels": {"tier": "gold", "prometheus": "not-this"}},
            "podTargetLabels": ["tier"],
            "rules": {"alert": {"resendDelay": "2m", "forGracePeriod": "3m", "forOutageTolerance": "4m"}},
            "query": {"lookbackDelta": "2m", "maxConcurrency": 7, "maxSamples": 1000000, "timeout": "1m"},
            "sampleLimit": 100000,
        }
        spec["thanos"]["blockSize"] = "1h"

    def at_the_edges(prometheus):
        del prometheus["spec"]["retention"], prometheus["spec"]["version"]
        prometheus["spec"]["query"] = {"maxConcurrency": 1, "maxSamples": 0}

    def gossiping(alertmanager):
        alertmanager["spec"] |= {
            "replicas": 3,
            "retention": "48h",
            "logLevel": "debug",
            "podMetadata": {"labels": {"tier": "gold"}},
            "clusterGossipInterval": "300ms",
            "clusterPushpullInterval": "30s",
            "clusterPeerTimeout": "9s",
        }

    changed = SHIPPED.edit("Prometheus", "fawkes-monitoring", "core", change)
    changed = changed.edit("Prometheus", "fawkes-dojo", "learner", at_the_edges)
    return changed.edit("Alertmanager", "fawkes-monitoring", "main", gossiping).replace(RULE)


VARIANTS = {
    "as it ships": SHIPPED,
    "on a clock 60 times as fast": scale_objects(SHIPPED, 60).objects,
    "in other numbers": with_replicas(SHIPPED, {"prometheus-core": 1, "prometheus-apps": 3, "alertmanager-main": 2}),
    "with every setting": every_setting(),
}


class ClusterWorld(LiveWorld):
    """What there should be is `intended`, whatever was applied."""

    def __init__(self, stack, directory, api, intended):
        super().__init__(stack, directory, {}, {}, clock_factor=1.0)
        self._api, self._intended = api, intended

    def objects(self):
        return self._intended

    def kubernetes(self):
        return self._api


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with control_plane(tmp_path_factory.mktemp("plane")) as plane:
        api = Api(plane.kubeconfig)
        with operator(plane, api, sorted(name_of(one) for one in SHIPPED.of("Namespace"))):
            yield api
        api.close()


@pytest.fixture
def judge(api, tmp_path):
    """What comes of the record, which goes through its file, when `applied` is on the cluster, not `intended`."""

    def judge(intended, applied, within_s=FOLLOWS_WITHIN_S):
        apply(api, applied.items, clock=RealClock())
        expect = RenderedEqualExpectation(name="rendered", within=f"{within_s}s")
        writer = HistoryWriter(tmp_path / "history.jsonl")
        with contextlib.ExitStack() as stack:
            observe_rendered_equal(expect, ClusterWorld(stack, tmp_path, api, intended), writer)
        writer.close()
        return check_rendered_equal(expect, read_history(tmp_path / "history.jsonl"))

    yield judge
    api.delete(RULE["apiVersion"], RULE["kind"], RULE["metadata"]["name"], RULE["metadata"]["namespace"])


MET = set()
"""Reasons of the differences that were met."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_rendered_here_is_what_the_operator_generates(judge, variant):
    found = judge(VARIANTS[variant], VARIANTS[variant])
    assert found.verdict is Verdict.PASS, [line for line in found.evidence if not line.ok]
    assert found.expected == found.observed > 1500, "every configuration was compared"
    MET.update(line.note.partition("; meant: ")[2] for line in found.evidence)


def test_no_difference_is_meant_that_there_is_not():
    assert {one.why for one in MEANT if one.where[0] != "target"} <= MET


def test_an_object_that_is_another_on_the_cluster_is_told_field_by_field(judge):
    mutant = MUTANTS["honor_labels_lost"]
    found = judge(SHIPPED, mutant.change(SHIPPED), within_s=1)
    assert (found.verdict, found.stage) == (Verdict.FAIL, mutant.stage)
    where = "config > scrape_configs > serviceMonitor/fawkes-platform/dora/0 > honor_labels"
    wrong = [(line.source, line.expected, line.observed) for line in found.evidence if line.note == where]
    assert wrong == [(f"prometheus-core-{replica}", False, True) for replica in (0, 1)]
    assert found.reason == f"prometheus-core-0: {where} is true here and false on a cluster; 2 fields differ in all"


def test_a_relabelling_step_that_we_forget_is_told(judge, monkeypatch):
    """Both replicas, every job: the last step is gone."""
    complete = scrape._sharding()
    monkeypatch.setattr(scrape, "_sharding", lambda: complete[:-1])
    found = judge(SHIPPED, SHIPPED, within_s=1)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert "config > scrape_configs > serviceMonitor/fawkes-dojo/dojo-lab/0 > relabel_configs > 15 is" in found.reason
    assert (found.expected["action"], found.observed) == ("keep", "absent")


def test_a_rule_on_the_cluster_that_does_not_ship_is_told(judge):
    found = judge(SHIPPED, SHIPPED.replace(RULE), within_s=1)
    assert (found.verdict, found.stage) == (Verdict.FAIL, Stage.RULE)
    assert "rules > fawkes-monitoring-every-field" in found.reason
    assert found.observed == "absent"
