import pytest
import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objstore import ObjectStore, bucket, objstore_secret, render_objstore

STORE = ObjectStore("127.0.0.1:9000", "access", "very secret: #1")


def secret_of(objects, namespace, name):
    return objstore_secret(objects.get("Prometheus", namespace, name), objects)


def test_core_and_apps_share_a_bucket_and_the_learner_has_its_own(platform):
    assert bucket(secret_of(platform, "fawkes-monitoring", "core")) == "fawkes-metrics-storage"
    assert bucket(secret_of(platform, "fawkes-monitoring", "apps")) == "fawkes-metrics-storage"
    assert bucket(secret_of(platform, "fawkes-dojo", "learner")) == "fawkes-metrics-learner"


def test_endpoint_and_keys_of_this_run_are_filled_in(platform):
    text = render_objstore(secret_of(platform, "fawkes-monitoring", "core"), STORE)
    assert yaml.safe_load(text) == {
        "type": "S3",
        "config": {
            "bucket": "fawkes-metrics-storage",
            "endpoint": "127.0.0.1:9000",
            "insecure": True,
            "access_key": "access",
            "secret_key": "very secret: #1",
        },
    }


def test_no_key_is_kept_in_the_repository(platform):
    for secret in (secret_of(platform, "fawkes-monitoring", "core"), secret_of(platform, "fawkes-dojo", "learner")):
        assert "key" not in secret["stringData"]["objstore.yml"]


def test_keys_do_not_show_when_printed():
    assert "secret" not in repr(STORE)
    assert "'access'" not in repr(STORE)


def test_a_prometheus_that_uploads_nowhere_is_named(platform):
    edited = platform.edit("Prometheus", "fawkes-monitoring", "core", lambda m: m["spec"].pop("thanos"))
    with pytest.raises(UsageError, match=r"has no thanos\.objectStorageConfig"):
        secret_of(edited, "fawkes-monitoring", "core")


def test_another_kind_of_store_is_refused(platform):
    other = {"kind": "Secret", "metadata": {"name": "x", "namespace": "y"}, "stringData": {"objstore.yml": "type: GCS"}}
    with pytest.raises(UsageError, match="is not of type S3"):
        bucket(other)
