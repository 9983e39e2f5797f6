"""A change of version: an app as it was before, and when each of its pods was replaced by a newer one."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.images.catalogue import SERVICES, SERVICES_BEFORE
from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.platform import APP
from fawkes.harness.kubernetes.readiness import readiness
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.model import Json
from fawkes.harness.operator.objects import Manifest, labels_of, name_of
from fawkes.harness.toolchain.pins import pins

_ROLLED_OUT_WITHIN_S: Final = 120.0
"""Two replicas one after the other take 30 s on two busy cores (load of 17)."""


def app_of(manifest: Manifest) -> str:
    """The app that an object runs; empty for one that runs none."""
    if manifest["kind"] == "Prometheus":
        return f"prometheus-{name_of(manifest)}"
    return str(labels_of(manifest).get(APP, "")) if manifest["kind"] == "StatefulSet" else ""


def before(manifest: Manifest, apps: Sequence[str]) -> Manifest:
    """An object as it was in the version before, if it runs one of `apps`; others as they are."""
    if app_of(manifest) not in apps:
        return manifest
    older = copy.deepcopy(dict(manifest))
    if manifest["kind"] == "Prometheus":
        older["spec"]["version"] = f"v{pins()['prometheus-before'].version}"
        return older
    for container in older["spec"]["template"]["spec"]["containers"]:
        if container["image"] == SERVICES:
            container["image"] = SERVICES_BEFORE
    return older


class Rollout:
    """Looks at the pods of an app's parts while a controller replaces them."""

    def __init__(self, api: Api, where: Mapping[str, Whereabouts], clock: Clock) -> None:
        """Call it before anything changes."""
        self._api, self._where, self._clock = api, where, clock
        self._old = {part: self._pod(part) for part in where}
        self._told: dict[str, dict[str, Json]] = {
            part: {"part": part, "image_before": _image(pod, where[part].container)} for part, pod in self._old.items()
        }
        self._there_s = dict.fromkeys(where, time.time())

    def watch(self) -> list[dict[str, Json]]:
        """Of each part: `image_before`, `left_s` (last seen in its old pod, wall clock), `image_after` and `back_s`.

        Without the latter three where its pod was never replaced, or without the last two where no new one got ready.
        """
        with contextlib.suppress(DeadlineExceeded):
            eventually(
                f"every pod of {', '.join(self._where)} to be replaced",
                asked_again(self._look),
                lambda left: not left,
                within_s=_ROLLED_OUT_WITHIN_S,
                clock=self._clock,
            )
        return list(self._told.values())

    def _look(self) -> list[str]:
        for part, where in self._where.items():
            told, looked_s, pod = self._told[part], time.time(), self._pod(part)
            if pod and _uid(pod) == _uid(self._old[part]) and "deletionTimestamp" not in pod["metadata"]:
                self._there_s[part] = looked_s
                continue
            told.setdefault("left_s", self._there_s[part])
            if "back_s" not in told and _uid(pod) != _uid(self._old[part]) and pod and readiness(pod).ready:
                told |= {"image_after": _image(pod, where.container), "back_s": time.time()}
        return [part for part, told in self._told.items() if "back_s" not in told]

    def _pod(self, part: str) -> Mapping[str, Any]:
        """Empty while there is none."""
        where = self._where[part]
        selector = ",".join(f"{key}={value}" for key, value in where.labels.items())
        found = self._api.list("v1", "Pod", where.namespace, labels=selector)
        return found[0] if found else {}


def _uid(pod: Mapping[str, Any]) -> str:
    return str(pod.get("metadata", {}).get("uid", ""))


def _image(pod: Mapping[str, Any], container: str) -> str:
    return next((str(one["image"]) for one in pod["spec"]["containers"] if one["name"] == container), "")
