"""What a guest's API lets through: what the run has made, and nothing that was there before."""

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.apply import delete_namespaces
from fawkes.harness.providers.existing.fence import RBAC, RUN, Fence


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def config_map(space, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": space}, "data": data}


def role(name):
    return {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": []}


def test_what_has_no_namespace_bears_the_mark_of_the_run(fence, word):
    assert fence.apply(namespace(word, a="b"))["metadata"]["labels"].items() >= {RUN: fence.run_id, "a": "b"}.items()
    assert fence.apply(role(word))["metadata"]["labels"][RUN] == fence.run_id
    assert RUN not in fence.apply(config_map(word))["metadata"].get("labels", {})


def test_what_the_run_has_made_may_be_changed_and_deleted(fence, word):
    fence.apply(namespace(word))
    fence.apply(config_map(word, a="1"))
    assert fence.patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, word)["data"] == {"a": "2"}
    assert fence.delete("v1", "ConfigMap", "c", word)
    delete_namespaces(fence, [word], clock=RealClock())
    assert fence.get("v1", "Namespace", word) is None
    assert not fence.delete("v1", "ConfigMap", "c", word)


def test_a_namespace_of_others_is_neither_taken_over_nor_written_in_nor_deleted(fence, owner, word):
    owner.apply(namespace(word))
    owner.apply(config_map(word, whose="theirs"))
    for forbidden in (
        lambda: fence.apply(namespace(word)),
        lambda: fence.apply(config_map(word, whose="ours")),
        lambda: fence.patch("v1", "ConfigMap", "c", {"data": {"whose": "ours"}}, word),
        lambda: fence.delete("v1", "ConfigMap", "c", word),
        lambda: fence.delete_all("v1", "ConfigMap", word),
        lambda: fence.delete("v1", "Namespace", word),
        lambda: delete_namespaces(fence, [word], clock=RealClock()),
    ):
        with pytest.raises(ProviderError, match="no harness has made it; choose another --namespace-prefix"):
            forbidden()
    assert owner.get("v1", "ConfigMap", "c", word)["data"] == {"whose": "theirs"}
    assert owner.get("v1", "Namespace", word)["status"]["phase"] == "Active"


def test_a_namespace_of_another_run_is_refused_and_the_run_is_named(fence, plane, word):
    other = Fence(plane.kubeconfig, "it", run_id="another-run")
    other.apply(namespace(word))
    with pytest.raises(ProviderError, match="of run another-run; `harness gc`"):
        fence.apply(config_map(word))
    other.close()


def test_a_role_of_others_is_not_taken_over(fence, owner, word):
    owner.apply(role(word))
    for forbidden in (lambda: fence.apply(role(word)), lambda: fence.delete(RBAC, "ClusterRole", word)):
        with pytest.raises(ProviderError, match="no harness has made it"):
            forbidden()


def test_what_is_all_of_the_clusters_is_out_of_reach(fence, owner, word):
    class_ = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": word},
        "value": 1,
    }
    with pytest.raises(ProviderError, match="others use too"):
        fence.apply(class_)
    owner.apply(class_)
    with pytest.raises(ProviderError, match="others use too"):
        fence.patch("scheduling.k8s.io/v1", "PriorityClass", word, {"description": "x"})


def test_a_namespace_that_is_not_there_is_not_written_in(fence, word):
    with pytest.raises(ProviderError, match="apply it first"):
        fence.apply(config_map(word))
    fence.delete_all("v1", "ConfigMap", word)


def pod(space):
    containers = [{"name": "a", "image": "ours:local"}, {"name": "b", "image": "theirs:2"}]
    metadata = {"name": "p", "namespace": space}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def await_account(api, space):
    """Without a service account no pod may be made; a controller makes it a moment after the namespace."""
    account = lambda: api.get("v1", "ServiceAccount", "default", space)  # noqa: E731
    eventually("a service account", account, bool, within_s=30, clock=RealClock())


def test_images_have_the_names_that_this_cluster_knows(fence, word):
    fence.apply(namespace(word))
    await_account(fence, word)
    made = fence.apply(pod(word))["spec"]["containers"]
    assert [one["image"] for one in made] == ["registry/ours:1", "theirs:2"]
    looked_into = fence.add_container(word, "p", {"name": "look-0", "image": "ours:local", "targetContainerName": "a"})
    assert looked_into["spec"]["ephemeralContainers"][0]["image"] == "registry/ours:1"


def test_nothing_is_started_in_a_pod_of_others(fence, owner, word):
    owner.apply(namespace(word))
    await_account(owner, word)
    owner.apply(pod(word))
    with pytest.raises(ProviderError, match="no harness has made it"):
        fence.add_container(word, "p", {"name": "look-0", "image": "ours:local"})
    assert "ephemeralContainers" not in owner.get("v1", "Pod", "p", word)["spec"]
