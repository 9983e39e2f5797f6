"""Relabelling as the pure oracle does it, and the same by Prometheus' own code (promtool)."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.oracle.relabel import relabel, target_labels
from live_world import built

DISCOVERED = {
    "__address__": "127.0.0.1:8080",
    "__meta_kubernetes_namespace": "fawkes-platform",
    "__meta_kubernetes_service_name": "dora",
    "__meta_kubernetes_service_label_team": "payments",
    "__meta_kubernetes_pod_name": "dora-0",
    "__meta_kubernetes_pod_label_a": "1",
    "__meta_kubernetes_pod_label_b": "2",
    "__meta_kubernetes_pod_phase": "Running",
}
JOB = "serviceMonitor/somewhere/some/0"
NAMESPACE, SERVICE = "__meta_kubernetes_namespace", "__meta_kubernetes_service_name"

STEPS = {
    "nothing": [],
    "copy": [{"source_labels": [NAMESPACE], "target_label": "namespace"}],
    "join and take apart": [
        {
            "source_labels": [NAMESPACE, SERVICE],
            "separator": "/",
            "regex": "(?P<ns>.+)/(.+)",
            "replacement": "${2} in $ns, $$",
            "target_label": "where",
        }
    ],
    "no match changes nothing": [
        {"source_labels": [SERVICE], "regex": "dor", "replacement": "x", "target_label": "anchored"},
    ],
    "a missing group is empty": [
        {"source_labels": [SERVICE], "regex": "(dora)", "replacement": "$3", "target_label": "job"},
        {"source_labels": [SERVICE], "regex": "(dora)", "replacement": "$1x-${1}x", "target_label": "both"},
    ],
    "an empty value takes the label away": [
        {"replacement": "here", "target_label": "gone"},
        {"replacement": "", "target_label": "gone"},
    ],
    "a fixed value": [{"target_label": "endpoint", "replacement": "http"}],
    "a computed name": [{"source_labels": [SERVICE], "target_label": "is_${1}", "replacement": "yes"}],
    "a name that needs quotes": [{"source_labels": [SERVICE], "target_label": "${1}-x", "replacement": "yes"}],
    "no name": [{"source_labels": [SERVICE], "target_label": "${3}", "replacement": "yes"}],
    "keep": [{"action": "keep", "source_labels": [SERVICE], "regex": "dora|beacon"}],
    "keep what is not there": [{"action": "keep", "source_labels": [SERVICE], "regex": "beacon"}],
    "drop": [{"action": "drop", "source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)"}],
    "drop what is there": [{"action": "drop", "source_labels": [SERVICE], "regex": "do.a"}],
    "map": [{"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)", "replacement": "pod_$1"}],
    "drop labels": [
        {"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)"},
        {"action": "labeldrop", "regex": "a|job"},
    ],
    "keep labels": [
        {"action": "labelmap", "regex": "__meta_kubernetes_pod_label_(.+)"},
        {"action": "labelkeep", "regex": "a|__.+"},
    ],
    "hash": [{"action": "hashmod", "source_labels": ["__address__"], "modulus": 1009, "target_label": "shard"}],
    "another job, instance and address": [
        {"source_labels": ["__meta_kubernetes_service_label_team"], "target_label": "job"},
        {"source_labels": ["__meta_kubernetes_pod_name"], "target_label": "instance"},
        {"replacement": "127.0.0.2:1", "target_label": "__address__"},
    ],
}


def config(steps):
    return {"job_name": JOB, "relabel_configs": steps}


def by_prometheus(directory, steps):
    """The target's labels as promtool has them; it looks for a second whether more targets come."""
    directory.mkdir()
    address, labels = DISCOVERED["__address__"], {k: v for k, v in DISCOVERED.items() if k != "__address__"}
    (directory / "targets.json").write_text(json.dumps([{"targets": [address], "labels": labels}]))
    whole = {"scrape_configs": [{**config(steps), "file_sd_configs": [{"files": ["targets.json"]}]}]}
    (directory / "prometheus.yml").write_text(yaml.safe_dump(whole))
    argv = [built("promtool")["promtool"], "check", "service-discovery", "--timeout=1s", "prometheus.yml", JOB]
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=True, timeout=60)
    (target,) = json.loads(done.stdout)
    return {name: value for name, value in target.get("labels", {}).items() if not name.startswith("__")}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cases")
    with ThreadPoolExecutor(len(STEPS)) as pool:
        return dict(zip(STEPS, pool.map(by_prometheus, map(directory.joinpath, STEPS), STEPS.values()), strict=True))


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize("case", STEPS)
def test_prometheus_gives_a_target_the_same_labels(theirs, case):
    assert (target_labels(DISCOVERED, config(STEPS[case])) or {}) == theirs[case]


def test_a_step_that_drops_ends_it():
    assert relabel({"a": "1"}, [{"action": "drop", "source_labels": ["a"]}, {"action": "unheard of"}]) is None


def test_an_action_that_is_not_known_is_refused():
    with pytest.raises(UsageError, match="dropequal"):
        relabel({}, [{"action": "dropequal"}])
