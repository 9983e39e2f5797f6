"""Clusters in the ledger: handed to whoever can remove them, and kept in mind until that has worked."""

import json

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.ledger import Ledger, collect


@pytest.fixture
def crashed(tmp_path):
    """The state directory with the ledger of a run that died while it had a cluster."""
    ledger = Ledger(tmp_path, "r1")
    (tmp_path / "clusters").mkdir()
    ledger.data(tmp_path / "clusters")
    ledger.cluster({"name": "fawkes-r1", "network": None})
    path = tmp_path / "r1.jsonl"
    owner, *entries = path.read_text().splitlines()
    ledger.close()
    path.write_text("\n".join([json.dumps({**json.loads(owner), "started_s": 1.0}), *entries]))
    return tmp_path


def test_a_crashed_runs_cluster_is_removed_before_its_files(crashed):
    removed = []

    def remove(record):
        assert (crashed / "clusters").is_dir(), "the record must outlive the cluster"
        removed.append(record)

    done = collect(crashed, remove)
    assert removed == [{"name": "fawkes-r1", "network": None}]
    assert (done.runs, done.clusters, done.data_directories, done.troubles) == (["r1"], ["fawkes-r1"], 1, [])
    assert not list(crashed.iterdir())


def test_a_cluster_that_cannot_be_removed_stays_in_the_ledger_for_the_next_time(crashed):
    def refuse(record):
        raise ProviderError("docker: start it")

    done = collect(crashed, refuse)
    assert (done.runs, done.clusters, done.troubles) == ([], [], ["docker: start it"])
    assert collect(crashed, lambda record: None).clusters == ["fawkes-r1"]


def test_the_cluster_of_a_run_that_lives_is_not_touched(tmp_path):
    ledger = Ledger(tmp_path, "r1")
    ledger.cluster({"name": "fawkes-r1"})
    assert collect(tmp_path, lambda record: pytest.fail("touched")).runs == []
    ledger.close()
