"""Why an object is not ready, in the cluster's own words: the object, its pods, their events and last log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.kubernetes.api import Api
from fawkes.harness.kubernetes.readiness import readiness
from fawkes.harness.kubernetes.trouble import container_statuses
from fawkes.harness.operator.objects import Manifest, display_name, name_of, namespace_of

_EVENTS: Final = 6
"""The newest of each object; older ones tell the same."""
_LINES: Final = 10
_OPERATORS_PODS: Final = {"Prometheus": "prometheus", "Alertmanager": "alertmanager", "ThanosRuler": "thanos-ruler"}
"""Kind -> app.kubernetes.io/name of the pods that prometheus-operator v0.85.0 makes of it."""


def explain(api: Api, manifest: Manifest, *, lines: int = _LINES) -> str:
    """Several lines of text. What can't be asked any more is told as such; nothing is raised for it."""
    try:
        return "\n".join(_story(api, manifest, lines))
    except ProviderError as error:
        return f"{display_name(manifest)}: {error}"


def pods_of(api: Api, manifest: Manifest) -> list[dict[str, Any]]:
    """The pods that an object has made, or the pod itself. `manifest` as the API server shows it."""
    if manifest["kind"] == "Pod":
        found = api.get("v1", "Pod", name_of(manifest), namespace_of(manifest))
        return [found] if found else []
    labels = _labels_of_pods(manifest)
    if not labels:
        return []
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return api.list("v1", "Pod", namespace_of(manifest), labels=selector)


def _labels_of_pods(manifest: Manifest) -> Mapping[str, str]:
    if manifest["kind"] in _OPERATORS_PODS:
        name = _OPERATORS_PODS[manifest["kind"]]
        return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": name_of(manifest)}
    selector: Mapping[str, str] = manifest.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    return selector if manifest["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job") else {}


def _story(api: Api, manifest: Manifest, lines: int) -> Iterator[str]:
    address = str(manifest["apiVersion"]), str(manifest["kind"]), name_of(manifest), namespace_of(manifest)
    found = api.get(*address)
    yield f"{display_name(manifest)}: {readiness(found).why or 'ready'}"
    if found is None:
        return
    events = api.list("v1", "Event", namespace_of(manifest)) if namespace_of(manifest) else []
    if found["kind"] != "Pod":
        yield from _told_of(found, events)
    for pod in pods_of(api, found):
        if not (state := readiness(pod)).ready:
            yield f"{display_name(pod)}: {state.why}"
            yield from _told_of(pod, events)
            yield from _containers(api, pod, lines)


def _told_of(manifest: Manifest, events: list[dict[str, Any]]) -> Iterator[str]:
    uid = manifest["metadata"]["uid"]
    own = [one for one in events if one["involvedObject"].get("uid") == uid]
    for event in sorted(own, key=_when)[-_EVENTS:]:
        times = f" (x{event['count']})" if event.get("count", 1) > 1 else ""
        yield f"  event: {event['type']} {event['reason']}{times}: {event.get('message', '').strip()}"


def _when(event: Mapping[str, Any]) -> str:
    """RFC 3339 in UTC, which sorts as text."""
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])


def _containers(api: Api, pod: Manifest, lines: int) -> Iterator[str]:
    for status in container_statuses(pod):
        states: Mapping[str, Mapping[str, Any]] = status.get("state") or {"not started": {}}
        state, details = next(iter(states.items()))
        said = " ".join(str(details[key]) for key in ("reason", "exitCode", "message") if key in details)
        ready = "ready" if status["ready"] else "not ready"
        yield f"  container {status['name']}: {state} {said}".rstrip() + f", {ready}, {status['restartCount']} restarts"
        if not status["ready"]:
            yield from _last_lines(api, pod, status, lines)


def _last_lines(api: Api, pod: Manifest, status: Mapping[str, Any], lines: int) -> Iterator[str]:
    """Of the container that runs, or else of the one that ended before."""
    for previous in (False, True):
        text = api.pod_log(namespace_of(pod), name_of(pod), status["name"], lines=lines, previous=previous)
        if text.strip():
            yield from (f"    {line}" for line in text.splitlines())
            return
