"""One API server for all tests of this folder. It has no nodes: what a kubelet would tell, tests tell it."""

import uuid
from collections.abc import Iterator

import pytest

from control_plane import ControlPlane, control_plane
from fawkes.harness.kubernetes.api import Api


@pytest.fixture(scope="session")
def plane(tmp_path_factory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="session")
def api(plane) -> Iterator[Api]:
    api = Api(plane.kubeconfig)
    yield api
    api.close()


@pytest.fixture
def namespace() -> str:
    """A name that nobody has."""
    return f"test-{uuid.uuid4().hex[:8]}"
