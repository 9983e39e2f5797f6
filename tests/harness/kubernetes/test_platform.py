"""The platform as it is applied to a cluster: GitOps files, what an installer adds, what is fitted to the run."""

from pathlib import Path

import pytest
import yaml

from fawkes.harness.components.exporter import exporter
from fawkes.harness.inventory import Inventory
from fawkes.harness.kubernetes.platform import notification_credentials, stages
from fawkes.harness.kubernetes.whereabouts import whereabouts
from fawkes.harness.operator.objects import labels_of, load_objects, name_of, namespace_of
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.plan import Plan
from fawkes.harness.secrets import Secrets


@pytest.fixture
def plan():
    def planned(*, parts=(), counts=None, native_senders=False):
        objects = load_objects(PLATFORM)
        return Plan(
            run_id="r",
            seed=1,
            objects=objects,
            inventory=Inventory(objects, parts=parts, counts=counts, exporters=True),
            secrets=Secrets(),
            port=lambda part, port: 8080,
            address=lambda part, port: "127.0.0.1:1",
            directory=lambda part: Path("/part"),
            binaries={},
            mutant=None,
            given_dsn=None,
            native_senders=native_senders,
        )

    return planned


def staged(plan):
    return stages(plan, load_objects(WORKLOADS))


def one(manifests, kind, name):
    return next(m for m in manifests if m["kind"] == kind and name_of(m) == name)


def test_every_part_of_the_whole_platform_is_somewhere(plan):
    whole = plan()
    where = whereabouts(whole, [])
    assert set(where) == {part for app in whole.inventory.apps() for part in whole.inventory.replicas(app)}


def test_every_selector_of_a_part_is_its_own(plan):
    where = whereabouts(plan(counts={"dora": 2}), [])
    selecting = [(w.namespace, tuple(sorted(w.labels.items())), w.container) for w in where.values()]
    assert len(set(selecting)) == len(selecting)


def test_a_sidecar_is_a_container_of_its_prometheus_pod(plan):
    where = whereabouts(plan(), [])
    assert where["thanos-sidecar-core-1"].labels == where["prometheus-core-1"].labels
    assert where["thanos-sidecar-core-1"].container == "thanos-sidecar"
    assert where["thanos-sidecar-core-1"].ports["http"] == "http"
    assert where["prometheus-core-1"].ports["http"] == "web"


def test_a_joined_part_stands_where_its_service_selects_it(plan):
    where = whereabouts(plan(), [exporter("load-target-0", app="load-target", port=8080, metrics="")])
    assert where["load-target-0"].namespace == "fawkes-apps"


def test_every_object_is_applied_once(plan):
    made = [(m["kind"], namespace_of(m), name_of(m)) for m in staged(plan()).everything()]
    assert len(set(made)) == len(made)


def test_a_scenario_that_wants_alertmanager_alone_gets_nothing_that_runs_beside_it(plan):
    made = staged(plan(parts=("alertmanager-main",)))
    assert [name_of(m) for m in made.alerting] == ["main"]
    assert not made.stores
    assert not made.services
    assert not made.prometheus
    assert not made.queries
    assert not made.gateways


def test_prometheus_without_thanos_uploads_nothing(plan):
    (alone,) = staged(plan(parts=("prometheus-core",))).prometheus
    assert "thanos" not in alone["spec"]
    whole = staged(plan())
    assert all("thanos" in m["spec"] for m in whole.prometheus)
    assert {name_of(m) for m in whole.prometheus} == {"core", "apps", "learner"}


def test_parts_have_as_many_pods_as_the_inventory_says(plan):
    made = staged(plan(counts={"dora": 2}))
    assert one(made.services, "StatefulSet", "dora")["spec"]["replicas"] == 2


def test_what_a_driver_plays_does_not_run_for_real_beside_it_and_its_service_stays(plan):
    """A DaemonSet would take the driver's pods for its own, and delete them."""
    played = plan(parts=("prometheus-core",))
    played.inventory.joined("node-exporter", "node-exporter-5")
    made = [(m["kind"], name_of(m)) for m in staged(played).everything()]
    assert ("Service", "node-exporter") in made
    assert ("DaemonSet", "node-exporter") not in made
    assert "node-exporter-0" not in whereabouts(played, [])


def test_the_store_gateway_looks_for_blocks_all_the_time_and_is_told_so_once(plan):
    """Thanos refuses a flag that is given twice."""
    for name in ("thanos-store", "thanos-store-learner"):
        (container,) = one(staged(plan()).gateways, "StatefulSet", name)["spec"]["template"]["spec"]["containers"]
        assert [arg for arg in container["args"] if "sync-block" in arg] == ["--sync-block-duration=1s"]


def test_alertmanager_tells_the_receivers_of_the_run_and_keeps_its_routes(plan):
    shipped = load_objects(PLATFORM).get("Secret", "fawkes-monitoring", "alertmanager-main")
    applied = one(staged(plan()).base, "Secret", "alertmanager-main")
    before, after = (yaml.safe_load(s["stringData"]["alertmanager.yaml"]) for s in (shipped, applied))
    assert after["global"].pop("pagerduty_url") == "http://receivers.fawkes-platform.svc:8080/v2/enqueue"
    assert after == before


def test_every_secret_that_is_named_is_made(plan):
    whole = plan()
    made = staged(whole).everything()
    there = {
        (namespace_of(m), name_of(m)) for m in (*made, *notification_credentials(whole, "pem")) if m["kind"] == "Secret"
    }
    for workload in made:
        assert {(namespace_of(workload), name) for name in _secrets_named(workload)} <= there, name_of(workload)


def _secrets_named(value):
    if isinstance(value, list):
        return {name for one in value for name in _secrets_named(one)}
    if not isinstance(value, dict):
        return set()
    found = {name for child in value.values() for name in _secrets_named(child)}
    if "secretName" in value:
        found.add(value["secretName"])
    for key in ("secretRef", "secretKeyRef", "objectStorageConfig"):
        if key in value:
            found.add(value[key]["name"])
    return found


def test_no_secret_value_is_anywhere_but_in_secrets(plan):
    whole = plan(native_senders=True)
    text = str([m for m in staged(whole).everything() if m["kind"] != "Secret"])
    for name in ("postgres-password", "minio-secret-key", "minio-access-key", "dora-webhook", "smtp-password"):
        assert whole.secrets[name] not in text


def test_what_belongs_to_an_app_that_is_not_wanted_is_not_applied(plan):
    made = staged(plan(parts=("alertmanager-main",))).everything()
    assert {labels_of(m).get("fawkes.io/app") for m in made} <= {None, "receivers", "alertmanager-main"}


def test_every_port_is_known_to_the_container_that_is_said_to_have_it(plan):
    containers = {
        (namespace_of(m), container["name"]): {port["name"] for port in container.get("ports", ())}
        for m in load_objects(WORKLOADS)
        if m["kind"] in ("StatefulSet", "Deployment", "DaemonSet")
        for container in m["spec"]["template"]["spec"]["containers"]
    }
    where = {part: one for part, one in whereabouts(plan(), []).items() if (one.namespace, one.container) in containers}
    assert {"dora-0", "minio-0", "postgres-0", "thanos-query-0", "kube-state-metrics-0", "node-exporter-0"} <= set(
        where
    )
    for part, one in where.items():
        assert set(one.ports.values()) <= containers[one.namespace, one.container], part
