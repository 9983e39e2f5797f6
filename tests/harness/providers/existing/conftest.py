"""A real API server for all tests of this folder, as a cluster that somebody else made. It has no nodes."""

import uuid
from collections.abc import Iterator

import pytest

from control_plane import ControlPlane, plane_of_folder
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.providers.existing.fence import Fence


@pytest.fixture(scope="module")
def plane(request, tmp_path_factory) -> Iterator[ControlPlane]:
    yield from plane_of_folder(request, tmp_path_factory)


@pytest.fixture(scope="module")
def owner(plane) -> Iterator[Api]:
    """Somebody else, who may do everything and whose objects bear no mark."""
    api = Api(plane.kubeconfig)
    yield api
    api.close()


@pytest.fixture
def word() -> str:
    """A name that nobody has."""
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def fence(plane, word) -> Iterator[Fence]:
    fence = Fence(plane.kubeconfig, "it", run_id=f"run-of-{word}", images={"ours:local": "registry/ours:1"})
    yield fence
    fence.close()
