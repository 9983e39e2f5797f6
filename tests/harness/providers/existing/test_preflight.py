"""The table of what a run needs and would make, asked of a real API server; and that asking makes nothing."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.operator.objects import name_of
from fawkes.harness.providers.existing.fence import RBAC, Fence
from fawkes.harness.providers.existing.planned import platform_prefix
from fawkes.harness.providers.existing.preflight import known_context, preflight
from fawkes.harness.providers.existing.target import Target

STORAGE = "storage.k8s.io/v1"
BUNDLE = [
    {
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": "prometheus-operator"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}],
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "prometheus-operator", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "o", "image": "o"}]}},
        },
    },
]


@pytest.fixture
def bundle(tmp_path):
    path = tmp_path / "bundle.yaml"
    path.write_text(yaml.safe_dump_all(BUNDLE))
    return lambda: path


@pytest.fixture
def target(plane, word):
    return Target("it", word, str(plane.kubeconfig))


@pytest.fixture
def look(fence, bundle):
    def looked(target, *, by=fence):
        report = preflight(by, target, platform_prefix(target.namespace_prefix), bundle)
        return report, {row.subject: row for row in report.rows}

    return looked


@pytest.fixture
def storage_class(owner):
    def make(**more):
        owner.apply(
            {
                "apiVersion": STORAGE,
                "kind": "StorageClass",
                "metadata": {
                    "name": "usual",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": "nobody.test/none",
                **more,
            }
        )

    yield make
    owner.delete(STORAGE, "StorageClass", "usual")


def everything(owner):
    kinds = [("v1", "Namespace"), (RBAC, "ClusterRole"), (RBAC, "ClusterRoleBinding"), ("apps/v1", "Deployment")]
    return {(kind, name_of(one)) for version, kind in kinds for one in owner.list(version, kind)}


def test_it_lists_what_would_be_made_and_makes_nothing(look, target, owner):
    before = everything(owner)
    _, rows = look(dataclasses.replace(target, install_operator=True))
    word = target.namespace_prefix
    assert f"{word}-fawkes-monitoring" in rows["makes namespaces"].found
    assert f"{word}-fawkes-operator" in rows["makes namespaces"].found
    assert f"ClusterRole {word}-prometheus-operator" in rows["makes cluster-wide"].found
    assert "3 Prometheus" in rows["makes in them"].found
    assert everything(owner) == before


def test_a_server_that_would_take_it_all_is_asked_in_a_dry_run(look, target):
    _, rows = look(target)
    assert (rows["dry run"].state, rows["rights"].state, rows["names"].state) == ("ok", "ok", "ok")


def test_what_is_missing_is_told_all_at_once_and_refused(look, target):
    report, rows = look(target)
    assert rows["operator"].state == "no"
    assert rows["storage"].state == "no"
    with pytest.raises(ProviderError, match=r"(?s)nothing was made.*operator: .*--install-operator.*storage: "):
        report.refuse()


def test_a_default_class_is_all_that_volumes_need(look, target, storage_class):
    storage_class()
    assert look(target)[1]["storage"].state == "ok"


def test_a_class_that_keeps_what_was_deleted_is_told(look, target, storage_class):
    storage_class(reclaimPolicy="Retain")
    row = look(target)[1]["storage"]
    assert (row.state, "Retain" in row.found) == ("mind", True)


def test_a_cluster_without_room_is_told(look, target):
    row = look(target)[1]["room"]
    assert row.state == "mind"
    assert "0 nodes have 0.00 CPU" in row.found


def test_a_namespace_that_somebody_has_is_named(look, target, owner):
    taken = f"{target.namespace_prefix}-fawkes-dojo"
    owner.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": taken}})
    report, rows = look(target)
    assert rows["names"].state == "no"
    assert taken in rows["names"].found
    with pytest.raises(ProviderError, match="choose another --namespace-prefix"):
        report.refuse()


def renamed(plane, directory, name):
    """The same cluster, by a context of another name."""
    config = json.loads(plane.kubeconfig.read_text())
    config["contexts"][0]["name"] = config["current-context"] = name
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def test_of_production_nothing_more_is_looked_at_unless_it_is_named(look, target, plane, tmp_path):
    there = str(renamed(plane, tmp_path, "eu-prod"))
    production = dataclasses.replace(target, context="eu-prod", kubeconfig=there)
    report, rows = look(production)
    assert set(rows) == {"cluster", "production"}
    with pytest.raises(ProviderError, match=r"its context is called eu-prod; .*--yes-this-is eu-prod"):
        report.refuse()
    _, rows = look(dataclasses.replace(production, yes_this_is="eu-prod"))
    assert rows["production"].state == "mind"
    assert "names" in rows


def test_an_account_that_may_only_read_is_told_every_right_that_it_lacks(look, target, plane, owner, tmp_path, word):
    owner.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": word, "namespace": "default"}})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{word}-reader"}
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]}]
    subjects = [{"kind": "ServiceAccount", "name": word, "namespace": "default"}]
    owner.apply({"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": role["name"]}, "rules": rules})
    owner.apply(
        {
            "apiVersion": RBAC,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": word},
            "roleRef": role,
            "subjects": subjects,
        }
    )
    kubectl = [str(plane.kubectl), "--kubeconfig", str(plane.kubeconfig)]
    token = subprocess.run([*kubectl, "create", "token", word], check=True, capture_output=True, text=True).stdout
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token.strip()}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    reader = Fence(path, "it", run_id="r")
    _, rows = look(target, by=reader)
    reader.close()
    assert rows["rights"].state == "no"
    for right in ("create namespaces", "create pods/portforward", "delete clusterroles.rbac.authorization.k8s.io"):
        assert right in rows["rights"].remedy
    assert "get pods/log" not in rows["rights"].remedy
    assert rows["dry run"].state == "no"
    assert "forbidden" in rows["dry run"].found


def test_a_context_that_is_not_there_is_told_with_those_that_are(target, tmp_path):
    with pytest.raises(UsageError, match="no context 'other'; it has it"):
        known_context(dataclasses.replace(target, context="other"))
    with pytest.raises(UsageError, match="--kubeconfig FILE"):
        known_context(dataclasses.replace(target, kubeconfig=str(tmp_path / "none")))


def test_the_command_prints_the_table_and_ends_with_what_is_missing(target):
    words = ["--context", "it", "--kubeconfig", target.kubeconfig, "--namespace-prefix", target.namespace_prefix]
    harness = Path(sys.executable).with_name("harness")
    done = subprocess.run([harness, "preflight", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert f"{target.namespace_prefix}-fawkes-monitoring" in done.stdout
    assert "nothing was made in this cluster" in done.stderr
    assert "--install-operator" in done.stderr


def test_a_run_that_may_not_be_leaves_nothing_behind(target, owner, tmp_path):
    before = everything(owner)
    words = ["--context", "it", "--kubeconfig", target.kubeconfig, "--namespace-prefix", target.namespace_prefix]
    argv = [Path(sys.executable).with_name("harness"), "run", "smoke", "--on", "existing", *words]
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, env=environ)
    assert done.returncode == 3
    assert "nothing was made in this cluster" in done.stderr
    assert everything(owner) == before
    assert list(tmp_path.glob("state/**/*.jsonl")) == []
