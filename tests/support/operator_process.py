"""The real prometheus-operator as a process beside the API server of control_plane.py: what it writes can be looked at.

Nothing runs of what it asks for: there are no nodes.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence

from control_plane import ControlPlane
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.stack import operator_manifests, provide_bundle
from free_ports import free_ports
from live_world import built


@contextlib.contextmanager
def operator(plane: ControlPlane, api: Api, watched: Sequence[str]) -> Iterator[None]:
    """Told what its pod would be told. Skips where its binary is not built; nothing is fetched for a test."""
    binary = built("prometheus-operator")["prometheus-operator"]
    bundle = provide_bundle(environ=os.environ, clock=RealClock(), progress=lambda _: None)
    manifests = operator_manifests(bundle, watched)
    apply(api, [one for one in manifests if one["kind"] == "CustomResourceDefinition"], clock=RealClock())
    (deployment,) = [one for one in manifests if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    with plane.running(str(binary), *container["args"], f"--web.listen-address=127.0.0.1:{free_ports(1)[0]}"):
        yield
