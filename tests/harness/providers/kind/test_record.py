"""Clusters are known by what was written down when they were made; no other is touched."""

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.providers.kind.cluster import attach
from fawkes.harness.providers.kind.record import Record, clusters_directory, read_record

RECORD = Record("fawkes-r1", "fawkes-r1", None, "fawkes/node:abc", "/cache/services.tar", "/bin/kind", "/bin/kubectl")


@pytest.fixture
def environ(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    directory = clusters_directory(environ) / "fawkes-r1"
    directory.mkdir(parents=True)
    RECORD.write(directory)
    return environ


def test_a_record_comes_back_as_it_was_written(environ):
    assert read_record("fawkes-r1", environ=environ) == RECORD


@pytest.mark.parametrize("name", ["kind", "fawkes-r2", "../clusters/fawkes-r1"])
def test_a_cluster_that_we_did_not_make_is_refused_and_ours_are_named(name, environ):
    with pytest.raises(UsageError, match=r"no cluster that a harness of this user made.*there are fawkes-r1\)"):
        attach(name, environ=environ)


def test_a_cluster_whose_engine_is_gone_is_told(environ):
    with pytest.raises(UsageError, match=r"fawkes-r1: the Docker it ran in does not answer.*harness gc"):
        attach("fawkes-r1", environ=environ)
