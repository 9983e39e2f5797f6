"""Which parts a platform has, whole and in part."""

from pathlib import Path

import pytest

from fawkes import fixtures
from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import Inventory, with_replicas
from fawkes.harness.operator.objects import load_objects

OBJECTS = load_objects(Path(fixtures.__path__[0]) / "platform")


def test_the_whole_platform_has_two_replicas_of_each_prometheus_that_says_so():
    inventory = Inventory(OBJECTS)
    assert inventory.replicas("prometheus-core") == ["prometheus-core-0", "prometheus-core-1"]
    assert inventory.replicas("alertmanager-main") == ["alertmanager-main-0"]
    assert inventory.has("thanos-compactor-learner")


def test_parts_bring_what_they_need_and_nothing_else():
    inventory = Inventory(OBJECTS, parts=["prometheus-core", "alertmanager-main"])
    assert sorted(inventory.apps()) == ["alertmanager-main", "prometheus-core", "receivers"]
    assert [one.name for one in inventory.prometheus] == ["prometheus-core-0", "prometheus-core-1"]


def test_thanos_query_asks_only_what_belongs_to_the_chosen_prometheus():
    inventory = Inventory(OBJECTS, parts=["prometheus-learner", "thanos-query"])
    assert sorted(inventory.apps()) == [
        *("minio", "prometheus-learner", "thanos-query", "thanos-sidecar-learner", "thanos-store-learner")
    ]


def test_all_sample_services_have_one_name():
    inventory = Inventory(OBJECTS, parts=["services", "dora"])
    assert {"jenkins", "argocd", "dojo-lab", "dora", "postgres"} <= set(inventory.apps())
    assert not inventory.has("prometheus-core")


def test_an_unknown_part_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match=r"platform\.parts.*thanos-qurey.*thanos-query"):
        Inventory(OBJECTS, parts=["thanos-qurey"])


def test_an_app_that_is_left_out_is_no_app_here():
    with pytest.raises(UsageError, match="no app 'dora'"):
        Inventory(OBJECTS, parts=["minio"]).replicas("dora")


def test_replicas_come_from_the_object_or_from_the_count():
    objects = with_replicas(OBJECTS, {"alertmanager-main": 2, "dora": 2})
    inventory = Inventory(objects, counts={"alertmanager-main": 2, "dora": 2})
    assert inventory.replicas("alertmanager-main") == ["alertmanager-main-0", "alertmanager-main-1"]
    assert inventory.replicas("dora") == ["dora-0", "dora-1"]


def test_what_cannot_have_replicas_is_refused():
    with pytest.raises(UsageError, match=r"minio.*alertmanager-main, dora, prometheus-apps"):
        Inventory(OBJECTS, counts={"minio": 2})
