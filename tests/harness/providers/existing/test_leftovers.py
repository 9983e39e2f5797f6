"""What a run has left in a cluster of others is found by its mark and removed; what others have stays."""

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.providers.existing.fence import CRD, RBAC, Fence
from fawkes.harness.providers.existing.leftovers import LAST, Guest, identity, reclaim, remove


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def role(name):
    return {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": []}


def definition(word):
    plural = f"{word}s"
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": CRD[0],
        "kind": CRD[1],
        "metadata": {"name": f"{plural}.harness.test"},
        "spec": {
            "group": "harness.test",
            "names": {"kind": word.title().replace("-", ""), "plural": plural},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.fixture
def guest(fence, plane):
    return Guest(
        name="it",
        run_id=fence.run_id,
        kubeconfig=str(plane.kubeconfig),
        context="it",
        server=fence.server,
        identity=identity(fence),
        namespaces="",
    )


def test_everything_of_the_run_goes_and_all_else_stays(fence, owner, word, guest):
    owner.apply(namespace(f"{word}-theirs"))
    owner.apply(role(f"{word}-theirs"))
    apply(fence, [namespace(word), namespace(f"{word}-operator", **{LAST: ""}), role(word), definition(word)],
          clock=RealClock())  # fmt: skip
    reclaim(guest.entry(), clock=RealClock())
    assert fence.get("v1", "Namespace", word) is None
    assert fence.get("v1", "Namespace", f"{word}-operator") is None
    assert fence.get(RBAC, "ClusterRole", word) is None
    assert fence.get(*CRD, f"{word}s.harness.test") is None
    assert owner.get("v1", "Namespace", f"{word}-theirs")["status"]["phase"] == "Active"
    assert owner.get(RBAC, "ClusterRole", f"{word}-theirs")
    reclaim(guest.entry(), clock=RealClock())  # nothing is left; that is fine


def test_a_definition_that_others_have_begun_to_use_stays_and_is_named(fence, owner, word):
    owner.apply(namespace(f"{word}-theirs"))
    apply(fence, [definition(word)], clock=RealClock())
    kind = word.title().replace("-", "")
    used = {
        "apiVersion": "harness.test/v1",
        "kind": kind,
        "metadata": {"name": "used", "namespace": f"{word}-theirs"},
    }
    owner.apply(used)
    (kept,) = remove(fence, clock=RealClock())
    assert f"{word}s.harness.test stays" in kept
    assert f"{kind} {word}-theirs/used" in kept
    assert owner.get("harness.test/v1", kind, "used", f"{word}-theirs")
    owner.delete("harness.test/v1", kind, "used", f"{word}-theirs")
    assert remove(fence, clock=RealClock()) == []


def test_a_context_that_leads_elsewhere_now_is_not_followed(fence, word, guest):
    fence.apply(namespace(word))
    moved = dataclasses.replace(guest, server="https://10.1.2.3:6443")
    with pytest.raises(ProviderError, match=r"and not to https://10\.1\.2\.3:6443.*harness gc"):
        reclaim(moved.entry(), clock=RealClock())
    assert fence.get("v1", "Namespace", word)


def test_a_cluster_that_has_been_replaced_by_another_is_left_alone(fence, word, guest):
    fence.apply(namespace(word))
    reclaim(dataclasses.replace(guest, identity="another").entry(), clock=RealClock())
    assert fence.get("v1", "Namespace", word)


def test_a_cluster_that_does_not_answer_keeps_its_entry(tmp_path, plane, guest):
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    dead = tmp_path / "kubeconfig"
    dead.write_text(yaml.safe_dump(config))
    gone = dataclasses.replace(guest, kubeconfig=str(dead), server="https://127.0.0.1:1")
    with pytest.raises(ProviderError, match="may still be there"):
        reclaim(gone.entry(), clock=RealClock())


DIES = """
import os, sys
from pathlib import Path
from fawkes.harness.ledger import Ledger, state_directory
from fawkes.harness.providers.existing.fence import Fence
from fawkes.harness.providers.existing.leftovers import Guest, identity
kubeconfig, word = sys.argv[1:]
fence = Fence(Path(kubeconfig), "it", run_id=word)
guest = Guest("it", word, kubeconfig, "it", fence.server, identity(fence), word)
Ledger(state_directory(os.environ), word).cluster(guest.entry())
fence.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": word}})
os.kill(os.getpid(), 9)
"""


def test_harness_gc_removes_what_a_killed_run_had_made(plane, owner, word, tmp_path):
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    argv = [sys.executable, "-c", DIES, str(plane.kubeconfig), word]
    assert subprocess.run(argv, env=environ, check=False).returncode == -signal.SIGKILL
    assert owner.get("v1", "Namespace", word)
    gc = [Path(sys.executable).with_name("harness"), "gc"]
    done = subprocess.run(gc, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "1 clusters removed" in done.stdout) == (0, True), done.stderr
    assert owner.get("v1", "Namespace", word) is None
    assert list(tmp_path.rglob("*.jsonl")) == []


def test_the_mark_of_another_run_is_not_ours(fence, plane, word):
    other = Fence(plane.kubeconfig, "it", run_id=f"other-{word}")
    other.apply(namespace(word))
    assert remove(fence, clock=RealClock()) == []
    assert other.get("v1", "Namespace", word)
    other.close()
