"""The platform's namespaces under other names: nowhere may the old one be left, and nothing else may change."""

import json
import re

import pytest

from fawkes.harness.blueprint import bare_blueprint
from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import load_objects, name_of, namespace_of
from fawkes.harness.operator.prometheus import external_labels
from fawkes.harness.operator.selectors import matches
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.prefix import NO_PREFIX, Prefix

NAMES = frozenset(name_of(one) for one in load_objects(PLATFORM).of("Namespace"))
ALICE = Prefix.parse("alice", NAMES)
ALL = [*load_objects(PLATFORM), *load_objects(WORKLOADS)]


@pytest.mark.parametrize("manifest", ALL, ids=lambda one: f"{one['kind']}-{namespace_of(one)}-{name_of(one)}")
def test_no_object_speaks_of_a_namespace_without_the_prefix(manifest):
    text = json.dumps(ALICE.manifest(manifest))
    said = re.findall(rf"[\w-]*(?:{'|'.join(NAMES)})\b(?!-)", text)
    assert all(word.startswith("alice-") for word in said), said


@pytest.mark.parametrize("manifest", ALL, ids=lambda one: f"{one['kind']}-{namespace_of(one)}-{name_of(one)}")
def test_the_prefix_is_all_that_changes_and_is_given_once(manifest):
    once = ALICE.manifest(manifest)
    assert ALICE.manifest(once) == once
    assert json.loads(json.dumps(once).replace("alice-", "")) == json.loads(json.dumps(manifest))


def test_names_of_files_and_buckets_stay():
    assert ALICE("fawkes-monitoring-dora-metrics.yaml") == "fawkes-monitoring-dora-metrics.yaml"
    assert ALICE("fawkes-metrics-storage") == "fawkes-metrics-storage"


def test_addresses_within_a_text_are_prefixed():
    assert ALICE("dnssrv+_grpc._tcp.thanos-store-grpc.fawkes-monitoring.svc") == (
        "dnssrv+_grpc._tcp.thanos-store-grpc.alice-fawkes-monitoring.svc"
    )
    assert ALICE('up{namespace="fawkes-cicd"}') == 'up{namespace="alice-fawkes-cicd"}'


def test_cluster_wide_roles_are_ours_and_bound_to_ours():
    workloads = ALICE.objects(load_objects(WORKLOADS))
    roles = {name_of(one) for one in workloads.of("ClusterRole")}
    assert roles
    assert all(name.startswith("alice-") for name in roles)
    for binding in (*workloads.of("ClusterRoleBinding"), *workloads.of("RoleBinding")):
        assert binding["roleRef"]["name"] in roles
        assert all(subject["namespace"] in ALICE.namespaces() for subject in binding["subjects"])


def test_neither_our_prometheus_nor_that_of_others_finds_the_others_monitors():
    plain, prefixed = load_objects(PLATFORM), ALICE.objects(load_objects(PLATFORM))
    for looking, found in ((plain, prefixed), (prefixed, plain)):
        for owner in looking.of("Prometheus"):
            selector = owner["spec"]["serviceMonitorNamespaceSelector"]
            labels = [one["metadata"]["labels"] for one in found.of("Namespace")]
            assert not [one for one in labels if matches(selector, one)]
            assert [one for one in looking.of("Namespace") if matches(selector, one["metadata"]["labels"])]


def test_what_is_expected_of_a_run_is_derived_from_the_prefixed_objects():
    drawn = bare_blueprint("r", 1, ALICE)
    one = drawn.inventory.prometheus[0]
    assert external_labels(one.manifest, one.replica)["prometheus"].startswith("alice-fawkes-")


def test_without_a_prefix_nothing_is_touched():
    objects = load_objects(PLATFORM)
    assert NO_PREFIX.objects(objects) is objects
    assert NO_PREFIX("fawkes-monitoring") == "fawkes-monitoring"


@pytest.mark.parametrize("word", ["alice", "alice-", "team-a-2"])
def test_a_last_dash_may_be_left_out(word):
    assert Prefix.parse(word, NAMES).namespaces()[0] == f"{word.rstrip('-')}-fawkes-apps"


@pytest.mark.parametrize("word", ["", "-", "Alice", "2nd", "a.b", "a" * 46, "kube-x", "openshift", "default"])
def test_a_word_that_no_namespace_can_begin_with_is_refused(word):
    with pytest.raises(UsageError, match="--namespace-prefix"):
        Prefix.parse(word, NAMES)


def test_the_longest_prefix_gives_names_that_dns_takes():
    assert max(map(len, Prefix.parse("a" * 45, NAMES).namespaces())) == 63
