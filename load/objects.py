"""Objects that come to the cluster, and go, while it runs. Drivers of `do: apply_objects` and `do: delete_objects`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fawkes.fixtures.services.listening import SETTING
from fawkes.harness.checks.memory import SAID
from fawkes.harness.checks.restarts import POD_STATUS
from fawkes.harness.duration import DurationS
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.kubernetes.pods import CONTAINER, POD
from fawkes.harness.model import Component, Json
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.observe.promql import instant
from fawkes.harness.operator.objects import Manifest, display_name, load_objects, name_of, namespace_of
from fawkes.harness.places import PLATFORM
from fawkes.harness.scenario.loading import did_you_mean
from fawkes.harness.world import Recorder, Site, World

KINDS: Final[Mapping[str, str]] = {
    "Pod": "v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "ServiceMonitor": "monitoring.coreos.com/v1",
}
"""What a scenario may apply, all of it in namespaces -> its apiVersion."""


_LOG_LINES: Final = 500
"""What our own pods say in a few minutes, a line a second."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Until(_Strict):
    """The workload waits until every replica answers so; what was reached is recorded, and not raised."""

    query: str = Field(description="PromQL, asked of every replica of `app`.")
    answers: bool = Field(default=True, description="Whether it must find something, or nothing.")
    app: str = Field(default="prometheus-core", description="The Prometheus that is asked.")
    within: DurationS = Field(gt=0, description="On the true clock: Kubernetes doesn't know of another.")


class ApplyObjectsSpec(_Strict):
    """`do: apply_objects`. Of a Pod everything may be left out that is the same for all pods here: see `completed`."""

    do: Literal["apply_objects"]
    objects: tuple[dict[str, Any], ...] = Field(
        min_length=1, description=f"Kubernetes objects, applied in this order. Kinds: {', '.join(KINDS)}."
    )
    until: Until | None = None

    @field_validator("objects")
    @classmethod
    def _usable(cls, objects: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for number, one in enumerate(objects):
            if (complaint := _complaint(one)) is not None:
                raise ValueError(f"object {number}: {complaint}")
        return objects


class DeleteObjectsSpec(_Strict):
    """`do: delete_objects`"""

    do: Literal["delete_objects"]
    objects: tuple[str, ...] = Field(min_length=1, description="Each as in `ServiceMonitor fawkes-platform/newcomer`.")
    until: Until | None = None

    @field_validator("objects")
    @classmethod
    def _readable(cls, objects: tuple[str, ...]) -> tuple[str, ...]:
        for text in objects:
            if (complaint := _complaint(_named(text))) is not None:
                raise ValueError(f"{text}: {complaint}")
        return objects


class ApplyObjects:
    """Driver of `do: apply_objects`."""

    spec: type[BaseModel] = ApplyObjectsSpec

    def components(self, spec: ApplyObjectsSpec, site: Site) -> Sequence[Component]:
        """None: objects are no parts of the platform."""
        return ()

    def run(self, spec: ApplyObjectsSpec, world: World, record: Recorder) -> None:
        """Apply them, record `applied`, and wait. Raises ProviderError for what the API server refuses.

        Whenever it tells something new of a pod among them while that lasts, that is a record `pod_status`.
        """
        own = [world.in_own_namespace(completed(one)) for one in spec.objects]
        began_s = world.now_s()
        for manifest in own:
            world.kubernetes().apply(manifest)
        _record(record, "applied", map(display_name, spec.objects), began_s, world)
        _Waiting(world, record, [one for one in own if one["kind"] == "Pod"]).wait(spec.until)


class DeleteObjects:
    """Driver of `do: delete_objects`."""

    spec: type[BaseModel] = DeleteObjectsSpec

    def components(self, spec: DeleteObjectsSpec, site: Site) -> Sequence[Component]:
        """None."""
        return ()

    def run(self, spec: DeleteObjectsSpec, world: World, record: Recorder) -> None:
        """Ask for their end, record `deleted`, and wait. Pods get one second's grace; `said` records their logs."""
        began_s = world.now_s()
        for text in spec.objects:
            one = world.in_own_namespace(_named(text))
            if one["kind"] == "Pod":
                log = world.kubernetes().pod_log(namespace_of(one), name_of(one), lines=_LOG_LINES)
                record(SAID, pod=text, lines=log.splitlines())
            world.kubernetes().delete(
                one["apiVersion"],
                one["kind"],
                name_of(one),
                namespace_of(one),
                grace_s=1 if one["kind"] == "Pod" else None,
            )
        _record(record, "deleted", spec.objects, began_s, world)
        _Waiting(world, record, []).wait(spec.until)


def completed(manifest: Manifest) -> Manifest:
    """A Pod with what its namespace demands, where it says nothing else, and our image; other objects as they are."""
    if manifest["kind"] != "Pod":
        return manifest
    spec = manifest["spec"]
    filled: dict[str, Any] = {
        **POD,
        "terminationGracePeriodSeconds": 1,
        **spec,
        "containers": [
            {
                **CONTAINER,
                "image": SERVICES,
                "env": [{"name": SETTING, "value": "0.0.0.0"}],
                "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}},
                **container,
            }
            for container in spec["containers"]
        ],
    }
    return {**manifest, "spec": filled}


class _Waiting:
    """Waits for an answer, and keeps an eye on pods meanwhile."""

    def __init__(self, world: World, record: Recorder, pods: Sequence[Manifest]) -> None:
        self._world, self._record, self._pods = world, record, pods
        self._last: dict[str, Json] = {}
        self._looked_s: dict[str, float] = {}

    def wait(self, until: Until | None) -> None:
        if until is None:
            return
        until_s = self._world.now_s() + until.within
        for part in self._world.replicas(until.app):
            seen = last_seen(
                self._world,
                f"{part} answers {until.query} with {'something' if until.answers else 'nothing'}",
                functools.partial(self._look, part, until.query),
                lambda found: bool(found) is until.answers,
                until_s=until_s,
            )
            reached = seen is not None and bool(seen) is until.answers
            self._record("reached", source=part, query=until.query, answers=until.answers, reached=reached)

    def _look(self, part: str, query: str) -> bool:
        for pod in self._pods:
            self._note(pod)
        return bool(instant(self._world, part, query))

    def _note(self, pod: Manifest) -> None:
        """A change lies between the looks before (`since_s`) and after it (`told_s`)."""
        name, looked_s = name_of(pod), self._world.now_s()
        found = self._world.kubernetes().get("v1", "Pod", name, namespace_of(pod)) or {}
        told = {
            status["name"]: {"restarts": status["restartCount"], "state": next(iter(status.get("state") or {}), "")}
            for status in found.get("status", {}).get("containerStatuses") or ()
        }
        if told != self._last.get(name, {}):
            self._last[name] = told
            since_s = self._looked_s.get(name, looked_s)
            self._record(POD_STATUS, pod=name, since_s=since_s, told_s=self._world.now_s(), containers=told)
        self._looked_s[name] = looked_s


def _record(record: Recorder, kind: str, objects: Any, began_s: float, world: World) -> None:
    names = list(objects)
    record(kind, objects=names, began_s=began_s, ended_s=world.now_s(), clock_factor=world.clock_factor)


def _named(text: str) -> dict[str, Any]:
    """From `Kind namespace/name`; what is missing is empty."""
    kind, _, place = text.partition(" ")
    namespace, _, name = place.partition("/")
    return {
        "apiVersion": KINDS.get(kind, ""),
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"containers": []},
    }


def _complaint(manifest: Mapping[str, Any]) -> str | None:
    """What keeps an object from being applied by a scenario; None for nothing."""
    kind, metadata = str(manifest.get("kind")), manifest.get("metadata")
    if kind not in KINDS:
        return f"a scenario applies no {kind}{did_you_mean(kind, KINDS)}; it may apply {', '.join(KINDS)}"
    if manifest.get("apiVersion") != KINDS[kind]:
        return f"apiVersion of a {kind} is {KINDS[kind]}"
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return "metadata.name is missing"
    namespace, known = str(metadata.get("namespace")), _namespaces()
    if namespace not in known:
        return f"the platform has no namespace {namespace}{did_you_mean(namespace, known)}; it has {', '.join(known)}"
    if kind == "Pod" and not isinstance((manifest.get("spec") or {}).get("containers"), list):
        return "spec.containers is missing"
    return None


@functools.cache
def _namespaces() -> tuple[str, ...]:
    return tuple(name_of(one) for one in load_objects(PLATFORM).of("Namespace"))
