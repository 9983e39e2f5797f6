"""The life of port-forwards: pods are real objects of a real API server; only what a kubelet would do is played."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.ledger import Ledger
from fawkes.harness.providers.existing.port_forwards import PortForwards
from free_ports import free_ports

FAKE = Path(__file__).with_name("fake_kubectl.py")
WITHIN_S = 20.0


@pytest.fixture
def made(plane, tmp_path):
    """Makes the reach of one run; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(**settings):
            ledger = Ledger(tmp_path / "state", uuid.uuid4().hex)
            stack.callback(ledger.close)
            reach = PortForwards(
                plane.kubeconfig,
                "it",
                [sys.executable, str(FAKE)],
                log=tmp_path / "port-forwards.log",
                ledger=ledger,
                run_id="r",
                **settings,
            )
            stack.callback(reach.close)
            return reach

        yield make


@pytest.fixture
def pod(owner, plane, word):
    """Runs a pod of a name, as the kubelet would tell it; deletes the one of that name before."""
    owner.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": word}})

    def run(name):
        owner.delete("v1", "Pod", name, word, grace_s=0)
        owner.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": word, "labels": {"part": "one"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            }
        )
        plane.set_status("pod", word, name, {"phase": "Running"})

    return run


def where(word):
    return Whereabouts(word, {"part": "one"}, "c", {"http": "web"})


def said(address):
    """What the other end says first; a reset is an OSError."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), WITHIN_S) as there:
        return there.makefile().readline().strip()


def comes_to(address, expected):
    eventually(f"{expected} at {address}", lambda: said(address), lambda line: line == expected,
               within_s=WITHIN_S, clock=RealClock())  # fmt: skip


def children():
    return [one for one in psutil.Process().children(recursive=True) if str(FAKE) in one.cmdline()]


def test_an_address_is_there_before_anything_runs_and_stays(made):
    reach = made()
    address = reach.address("one-0", "http")
    assert address == reach.address("one-0", "http")
    assert address != reach.address("one-0", "grpc")
    with pytest.raises(ConnectionRefusedError):
        said(address)


def test_the_first_use_opens_the_way_and_nothing_before_does(made, pod, word):
    reach = made()
    pod("one-0")
    assert reach.manifests("one-0", where(word)) == []
    assert children() == []
    assert said(reach.address("one-0", "http")) == "one-0 web"
    assert len(children()) == 1
    assert said(reach.address("one-0", "http")) == "one-0 web"
    assert len(children()) == 1


def test_both_directions_are_carried_to_their_end(made, pod, word):
    reach = made()
    pod("one-0")
    reach.manifests("one-0", where(word))
    host, port = reach.address("one-0", "http").split(":")
    sent = b"x" * 3_000_000 + b"\n"
    with socket.create_connection((host, int(port)), WITHIN_S) as there:
        stream = there.makefile("rb")
        stream.readline()
        there.sendall(sent)
        there.shutdown(socket.SHUT_WR)
        assert stream.read() == sent + b"end\n"


def test_a_pod_that_replaces_another_is_found_under_the_same_address(made, pod, word, owner):
    reach = made()
    pod("before")
    reach.manifests("one-0", where(word))
    address = reach.address("one-0", "http")
    assert said(address) == "before web"
    owner.delete("v1", "Pod", "before", word, grace_s=0)
    pod("after")
    comes_to(address, "after web")
    assert len(children()) == 1


def opened(reach, pod, word):
    """The address of pod one-0, and the kubectl that leads there since somebody went that way."""
    pod("one-0")
    reach.manifests("one-0", where(word))
    address = reach.address("one-0", "http")
    assert said(address) == "one-0 web"
    (kubectl,) = children()
    return address, kubectl


def test_a_pod_of_the_same_name_is_another_one(made, pod, word):
    address, first = opened(made(), pod, word)
    pod("one-0")
    first.wait(WITHIN_S)
    comes_to(address, "one-0 web")
    assert first not in children()


def test_without_a_pod_a_connection_is_reset_at_once(made, word, pod):
    reach = made()
    reach.manifests("one-0", where(word))
    began_s = time.monotonic()
    with pytest.raises(ConnectionResetError):
        said(reach.address("one-0", "http"))
    assert time.monotonic() - began_s < WITHIN_S
    pod("one-0")
    comes_to(reach.address("one-0", "http"), "one-0 web")


def test_a_kubectl_that_ends_is_started_again(made, pod, word):
    address, first = opened(made(), pod, word)
    first.kill()
    comes_to(address, "one-0 web")
    assert first not in children()


def test_a_wanted_port_is_taken_and_a_busy_one_named(made):
    (free,) = free_ports(1)
    reach = made(fixed={("one-0", "http"): free})
    assert reach.address("one-0", "http") == f"127.0.0.1:{free}"
    with pytest.raises(ProviderError, match=f"port {free}, wanted for one-0.*--port"):
        made(fixed={("one-0", "http"): free}).address("one-0", "http")


def test_closing_ends_every_process_and_frees_the_addresses(made, pod, word, tmp_path):
    reach = made()
    pod("one-0")
    reach.manifests("one-0", where(word))
    address = reach.address("one-0", "http")
    host, port = address.split(":")
    still_open = socket.create_connection((host, int(port)), WITHIN_S)
    assert still_open.makefile().readline()
    (kubectl,) = children()
    there = [kubectl, kubectl.parent()]
    reach.close()
    reach.close()
    assert not psutil.wait_procs(there, WITHIN_S)[1]
    with pytest.raises(ConnectionRefusedError):
        said(address)
    still_open.close()
    assert "Traceback" not in (tmp_path / "port-forwards.log").read_text()


HARNESS = """
import json, sys
from pathlib import Path
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.ledger import Ledger
from fawkes.harness.providers.existing.port_forwards import PortForwards
kubeconfig, fake, directory, word = sys.argv[1:]
ledger = Ledger(Path(directory), "dies")
kubectl = [sys.executable, fake]
reach = PortForwards(Path(kubeconfig), "it", kubectl, log=Path(directory) / "log", ledger=ledger, run_id="r")
reach.manifests("one-0", Whereabouts(word, {"part": "one"}, "c", {"http": "web"}))
print(json.dumps(reach.address("one-0", "http")), flush=True)
sys.stdin.read()
"""


def test_a_harness_that_is_killed_leaves_no_process(plane, pod, word, tmp_path):
    pod("one-0")
    argv = [sys.executable, "-c", HARNESS, str(plane.kubeconfig), str(FAKE), str(tmp_path), word]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as harness:
        address = json.loads(harness.stdout.readline())
        assert said(address) == "one-0 web"
        there = psutil.Process(harness.pid).children(recursive=True)
        assert len(there) == 2
        harness.kill()
    assert not psutil.wait_procs(there, WITHIN_S)[1]
