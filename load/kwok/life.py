"""A crowd comes and goes: thousands of objects, several requests at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol

from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.readiness import condition, readiness
from fawkes.harness.operator.objects import Manifest, display_name, name_of, namespace_of
from fawkes.load.kwok import crowd

_WITHIN_S: Final = 600.0
"""5,000 pods came in 50 s on two cores with a load of 15."""
_THREADS: Final = 8
"""Requests under way: more don't make two cores' API server faster."""
_LABELS: Final = ",".join(f"{key}={value}" for key, value in crowd.FAKE.items())


class Waiting(Protocol):
    """How the caller waits: `World.eventually`, or `eventually` on a clock."""

    def __call__(
        self, what: str, probe: Callable[[], Any], expect: Callable[[Any], bool], *, within_s: float
    ) -> Any: ...


def kwok_comes(api: Api, wait: Waiting) -> None:
    """kwok is there and runs. DeadlineExceeded when it never does."""
    for manifest in crowd.kwok():
        _apply(api, wait, manifest)
    (deployment,) = [one for one in crowd.kwok() if one["kind"] == "Deployment"]
    get = partial(api.get, deployment["apiVersion"], "Deployment", name_of(deployment), namespace_of(deployment))
    wait("kwok to be ready", asked_again(lambda: readiness(get())), lambda state: state.ready, within_s=_WITHIN_S)


def nodes_come(api: Api, count: int, wait: Waiting) -> None:
    """So many fake nodes are Ready. DeadlineExceeded when they never are."""
    _come(api, crowd.nodes(count), wait)
    wait(f"{count} fake nodes to be ready", asked_again(lambda: _ready_nodes(api)), count.__eq__, within_s=_WITHIN_S)


def pods_come(api: Api, count: int, node_count: int, wait: Waiting) -> None:
    """So many fake pods run, on as many nodes as came. DeadlineExceeded when they never do."""
    manifests = crowd.pods(count, node_count)
    _come(api, manifests, wait)

    def running() -> int:
        # The last one first: to read 5,000 of them takes a second.
        last = api.get("v1", "Pod", name_of(manifests[-1]), crowd.NAMESPACE) or {}
        return sum(map(_runs, _fakes(api, "Pod"))) if _runs(last) else 0

    wait(f"{count} fake pods to run", asked_again(running), count.__eq__, within_s=_WITHIN_S)


def all_go(api: Api, wait: Waiting) -> None:
    """No fake pod, no fake node and no kwok is left; those that aren't there are fine. DeadlineExceeded when some stay.

    Pods go by force: nobody but the API server has ever known them.
    """

    def left() -> int:
        for kind, namespace in (("Pod", crowd.NAMESPACE), ("Node", "")):
            if found := len(_fakes(api, kind)):
                api.delete_all("v1", kind, namespace, labels=_LABELS, grace_s=0)
                return found
        return 0

    def stays() -> list[str]:
        return [
            display_name(one)
            for one in reversed(crowd.kwok())
            if api.delete(one["apiVersion"], one["kind"], name_of(one), namespace_of(one))
        ]

    wait("the crowd to be gone", asked_again(left), lambda count: count == 0, within_s=_WITHIN_S)
    wait("kwok to be gone", asked_again(stays), lambda names: not names, within_s=_WITHIN_S)


def _come(api: Api, manifests: Sequence[Manifest], wait: Waiting) -> None:
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(partial(_apply, api, wait), manifests):
            pass


def _apply(api: Api, wait: Waiting, manifest: Manifest) -> None:
    what = f"{display_name(manifest)} to be applied"
    wait(what, asked_again(partial(api.apply, manifest)), lambda _: True, within_s=_WITHIN_S)


def _ready_nodes(api: Api) -> int:
    return sum(condition(node, "Ready").get("status") == "True" for node in _fakes(api, "Node"))


def _runs(pod: Mapping[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


def _fakes(api: Api, kind: str) -> list[dict[str, Any]]:
    return api.list("v1", kind, labels=_LABELS)
