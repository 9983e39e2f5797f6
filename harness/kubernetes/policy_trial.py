"""The question that only packets can answer: does somebody in this cluster enforce NetworkPolicy?"""

from __future__ import annotations

import json
from typing import Any, Final

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.apply import apply, delete_namespaces
from fawkes.harness.kubernetes.pods import CONTAINER, POD, restricted_namespace
from fawkes.harness.operator.objects import Manifest

NAMESPACE: Final = "fawkes-policy-trial"
_PORT: Final = 8080
_REACHED_WITHIN_S: Final = 60.0
"""Two pods of an image that is there start in 2 s; on a busy node of one core it has taken 15 s."""
_ENFORCED_WITHIN_S: Final = 15.0
"""Plugins that enforce policies do it a second or two after they hear of one."""


def why_not_enforced(api: Api, space: str, *, clock: Clock) -> str | None:
    """None where a policy that lets nobody in keeps a pod from another one, else what was seen instead.

    Tried in a namespace `space`, which is made and deleted for it. Raises what applying and deleting raise.
    """
    try:
        apply(api, [restricted_namespace(space), _service(space), _answering(space), _knocking(space)], clock=clock)
        if not _saw(api, space, reached=True, within_s=_REACHED_WITHIN_S, clock=clock):
            return "two pods do not reach each other even without a policy, so that nobody knows who enforces one"
        apply(api, [_nobody_in(space)], clock=clock)
        if not _saw(api, space, reached=False, within_s=_ENFORCED_WITHIN_S, clock=clock):
            return f"{_ENFORCED_WITHIN_S:g} s after a policy that lets nobody in, one pod still reached the other"
        return None
    finally:
        delete_namespaces(api, [space], clock=clock)


def _saw(api: Api, space: str, *, reached: bool, within_s: float, clock: Clock) -> bool:
    address = f"answers.{space}.svc:{_PORT}"

    def last() -> bool | None:
        lines = api.pod_log(space, "knocks", lines=1).splitlines()
        found: bool | None = json.loads(lines[-1])["reached"][address] if lines else None
        return found

    try:
        eventually(
            f"the policy trial's pod {'to reach' if reached else 'not to reach'} the other",
            asked_again(last),
            lambda seen: seen is reached,
            within_s=within_s,
            clock=clock,
        )
    except DeadlineExceeded:
        return False
    return True


def _service(space: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "answers", "namespace": space},
        "spec": {"selector": {"app": "answers"}, "ports": [{"port": _PORT}]},
    }


def _nobody_in(space: str) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "nobody-in", "namespace": space},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }


def _answering(space: str) -> Manifest:
    return _pod(space, "answers", ["python3", "-m", "http.server", str(_PORT), "--directory", "/usr"])


def _knocking(space: str) -> Manifest:
    return _pod(space, "knocks", ["python3", "-m", "fawkes.harness.knock", f"answers.{space}.svc:{_PORT}"])


def _pod(space: str, name: str, command: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": {"app": name}},
        "spec": {
            **POD,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    **CONTAINER,
                    "name": name,
                    "image": SERVICES,
                    "command": command,
                    "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}},
                }
            ],
        },
    }
