"""One API server for all tests of this folder. It has no nodes: what a kubelet would tell, tests tell it."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_plane import ControlPlane, plane_of_folder
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.stack import provide_bundle
from fawkes.harness.toolchain import Miss, cache_directory, find


@pytest.fixture(scope="module")
def plane(request, tmp_path_factory) -> Iterator[ControlPlane]:
    yield from plane_of_folder(request, tmp_path_factory)


@pytest.fixture(scope="module")
def api(plane) -> Iterator[Api]:
    api = Api(plane.kubeconfig)
    yield api
    api.close()


@pytest.fixture(scope="session")
def bundle() -> Path:
    """Of the module that the binary was built from: nothing is fetched for a test."""
    if isinstance(find("prometheus-operator", environ=os.environ, cache_dir=cache_directory(os.environ)), Miss):
        pytest.skip("not built: prometheus-operator (`harness toolchain build --cluster`)")
    return provide_bundle(environ=os.environ, clock=RealClock(), progress=lambda _: None)


@pytest.fixture
def namespace() -> str:
    """A name that nobody has."""
    return f"test-{uuid.uuid4().hex[:8]}"
