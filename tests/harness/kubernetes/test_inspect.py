"""The onlooker's container, asked of a real API server; the test says what a kubelet would."""

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.inspect import inside
from still_clock import StillClock

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
ENDED = {"terminated": {"exitCode": 137, "reason": "Error"}}
SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsUser": 1234,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def waiting(reason):
    return {"waiting": {"reason": reason, "message": "why"}}


class Pod:
    """`it-0` with two containers, in a namespace that lets in only what is restricted."""

    def __init__(self, plane, api, namespace):
        self.plane, self.api, self.namespace = plane, api, namespace
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
        account = lambda: api.get("v1", "ServiceAccount", "default", namespace)  # noqa: E731
        eventually("a service account", account, bool, within_s=30, clock=RealClock())

    def start(self, **spec):
        ports = [{"name": "web", "containerPort": 9090}, {"name": "grpc", "containerPort": 10901}]
        containers = [
            {"name": "main", "image": "main:1", "ports": ports, "securityContext": SECURITY},
            {"name": "beside", "image": "beside:1", "securityContext": {**SECURITY, "runAsUser": 4321}},
        ]
        metadata = {"name": "it-0", "namespace": self.namespace}
        self.api.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}
        )

    def says(self, lookers=(), main=RUNNING):
        """The state of the main container, and of the onlookers by their number."""
        of = lambda name, state: {"name": name, "state": state, "ready": True, "restartCount": 0, "image": "", "imageID": ""}  # noqa: E731  # fmt: skip
        containers = [of("main", main), of("beside", RUNNING)]
        ephemeral = [of(f"look-{number}", state) for number, state in enumerate(lookers)]
        status = {"phase": "Running", "containerStatuses": containers, "ephemeralContainerStatuses": ephemeral}
        self.plane.set_status("pod", self.namespace, "it-0", status)

    def look(self, *states, container="main", ports=None):
        """One look, during which the onlookers get these states when somebody waits for them."""
        clock = StillClock(on_wait=lambda: self.says(states))
        return inside(
            self.api,
            ["kubectl", "--kubeconfig", "a b"],
            namespace=self.namespace,
            pod="it-0",
            container=container,
            ports=ports or {},
            clock=clock,
        )

    def lookers(self):
        pod = self.api.get("v1", "Pod", "it-0", self.namespace)
        return pod["spec"].get("ephemeralContainers", [])


@pytest.fixture
def pod(plane, api, namespace):
    return Pod(plane, api, namespace)


def test_the_onlooker_is_restricted_as_what_it_looks_at_is(pod):
    pod.start()
    pod.says()
    seen = pod.look(RUNNING)
    (looker,) = pod.lookers()
    assert (looker["name"], looker["targetContainerName"]) == ("look-0", "main")
    assert looker["securityContext"] == SECURITY
    assert (seen.pid, seen.own_network) == (1, True)
    assert seen.host.backend.container == "look-0"


def test_ports_are_known_by_the_harness_names_and_the_containers(pod):
    pod.start()
    pod.says()
    assert pod.look(RUNNING, ports={"http": "web", "extra": 8080, "gone": "none"}).ports == {
        **{"web": 9090, "grpc": 10901},
        **{"http": 9090, "extra": 8080},
    }


def test_a_running_onlooker_is_used_again_and_one_that_has_ended_is_not(pod):
    pod.start()
    pod.says()
    pod.look(RUNNING)
    assert pod.look().host.backend.container == "look-0"
    assert pod.look(RUNNING, RUNNING, container="beside").host.backend.container == "look-1"
    assert {one["name"]: one["securityContext"]["runAsUser"] for one in pod.lookers()} == {
        "look-0": 1234,
        "look-1": 4321,
    }
    pod.says([ENDED, RUNNING])
    assert pod.look(ENDED, RUNNING, RUNNING).host.backend.container == "look-2"
    targets = {one["name"]: one["targetContainerName"] for one in pod.lookers()}
    assert targets == {"look-0": "main", "look-1": "beside", "look-2": "main"}


@pytest.mark.parametrize(
    "state", [waiting("ErrImagePull"), waiting("ImagePullBackOff"), waiting("CreateContainerError"), ENDED]
)
def test_an_onlooker_that_will_never_run_is_told_at_once(pod, state):
    pod.start()
    pod.says()
    reason = next(iter(state.values()))["reason"]
    with pytest.raises(ProviderError, match=rf"look-0 of {pod.namespace}/it-0, .* does not run: {reason}"):
        pod.look(state)


def test_what_does_not_run_cannot_be_looked_into(pod):
    with pytest.raises(ProviderError, match=f"there is no pod {pod.namespace}/it-0 any more"):
        pod.look()
    pod.start()
    pod.says(main=waiting("CrashLoopBackOff"))
    with pytest.raises(ProviderError, match=f"container main of {pod.namespace}/it-0 does not run"):
        pod.look()
    with pytest.raises(ProviderError, match="container none of"):
        pod.look(container="none")
    assert pod.lookers() == []


def test_a_command_goes_to_the_onlooker_by_the_kubectl_of_the_cluster(pod, tmp_path, script):
    """What testinfra's kubectl backend makes of a command, with our own kubectl in its place."""
    pod.start()
    pod.says()
    kubectl = script("bin dir/kubectl", 'printf "%s|" "$@"')
    seen = inside(
        pod.api,
        [str(kubectl), "--kubeconfig", "a b"],
        namespace=pod.namespace,
        pod="it-0",
        container="main",
        ports={},
        clock=StillClock(on_wait=lambda: pod.says([RUNNING])),
    )
    said = seen.host.run("cat -- %s", "/proc/1/it's").stdout
    own = ["--kubeconfig", "a b", "-n", pod.namespace, "-c", "look-0", "exec", "it-0", "--", "/bin/sh", "-c"]
    assert said.split("|")[:-1] == [*own, "cat -- '/proc/1/it'\"'\"'s'"]
