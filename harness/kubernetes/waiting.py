"""Waits until objects are ready, and not longer than that can still happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fawkes.harness.errors import ComponentError, DeadlineExceeded, ProviderError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.kubernetes.api import Api, asked_again
from fawkes.harness.kubernetes.explain import explain, pods_of
from fawkes.harness.kubernetes.readiness import by_being_there, readiness
from fawkes.harness.kubernetes.trouble import how_it_ended, troubles
from fawkes.harness.operator.objects import Manifest, display_name, name_of, namespace_of

_READY_WITHIN_S: Final = 180.0
"""The whole platform, applied at once and with its images at hand, is ready in 31 to 37 s on two cores."""
_LOOK_EVERY_S: Final = 0.25
"""A request for each kind and namespace: a twentieth of a core of the API server."""
_TROUBLE_EVERY_S: Final = 2.0
"""Trouble is given at least ten times as long to heal."""
_EXPLAINED: Final = 3
"""Of many objects that are not ready; the others wait for these more often than not."""


def wait_ready(api: Api, manifests: Sequence[Manifest], *, clock: Clock, within_s: float = _READY_WITHIN_S) -> None:
    """Return when every object is ready, all at once. Of `manifests` only kind, name and namespace are read.

    Ends early for what won't heal: ComponentError when a container crashes again and again or a job has failed,
    ProviderError when an image, a Secret or room on a node is missing. DeadlineExceeded else. All explain.
    """
    watch = _Watch(api, manifests, clock)
    names = ", ".join(map(display_name, manifests))
    try:
        eventually(
            f"{names} to be ready",
            asked_again(watch.unready),
            lambda left: not left,
            within_s=within_s,
            every_s=_LOOK_EVERY_S,
            clock=clock,
        )
    except DeadlineExceeded as late:
        raise DeadlineExceeded("\n".join([str(late), *watch.explanations()])) from late


class _Watch:
    """What is known of the objects, and since when a pod of theirs has been in trouble."""

    def __init__(self, api: Api, manifests: Sequence[Manifest], clock: Clock) -> None:
        self._api, self._manifests, self._clock = api, manifests, clock
        self._left: list[Manifest] = list(manifests)
        self._there: set[str] = set()
        self._since_s: dict[tuple[str, str, str], float] = {}
        self._looked_s = clock.monotonic_s()

    def unready(self) -> list[str]:
        """What is not ready and why, one line each. Raises for what never will be."""
        states = [(manifest, found, readiness(found)) for manifest, found in self._found()]
        self._left = [manifest for manifest, _, state in states if not state.ready]
        for manifest, found, state in states:
            if state.failed:
                raise self._hopeless(manifest, state.why, next(iter(pods_of(self._api, found or manifest)), None))
        if self._clock.monotonic_s() - self._looked_s >= _TROUBLE_EVERY_S:
            self._looked_s = self._clock.monotonic_s()
            for manifest, found, state in states:
                if found is not None and not state.ready:
                    self._look_for_trouble(manifest, found)
        return [f"{display_name(manifest)}: {state.why}" for manifest, _, state in states if not state.ready]

    def explanations(self) -> list[str]:
        return [explain(self._api, manifest) for manifest in self._left[:_EXPLAINED]]

    def _found(self) -> list[tuple[Manifest, dict[str, Any] | None]]:
        """Each object as it is now, but for those that were found and change no more; one request for all of a kind in
        a namespace.
        """
        asked = [one for one in self._manifests if display_name(one) not in self._there]
        groups = {(str(one["apiVersion"]), str(one["kind"]), namespace_of(one)) for one in asked}
        found = {
            (kind, namespace, name_of(one)): one
            for api_version, kind, namespace in groups
            for one in self._api.list(api_version, kind, namespace)
        }
        pairs = [(one, found.get((str(one["kind"]), namespace_of(one), name_of(one)))) for one in asked]
        self._there |= {display_name(one) for one, seen in pairs if seen is not None and by_being_there(one)}
        return pairs

    def _look_for_trouble(self, manifest: Manifest, found: Manifest) -> None:
        now_s = self._clock.monotonic_s()
        for pod in pods_of(self._api, found):
            for trouble in troubles(pod):
                # Not by its message, which may tell of another port or time each time it is tried.
                since_s = self._since_s.setdefault((pod["metadata"]["uid"], trouble.reason, trouble.where), now_s)
                if now_s - since_s >= trouble.heals_within_s:
                    why = f"{name_of(pod)}: {trouble}"
                    if trouble.of_the_product:
                        raise self._hopeless(manifest, why, pod)
                    raise ProviderError(f"{display_name(manifest)}: {why}\n{explain(self._api, manifest)}")

    def _hopeless(self, manifest: Manifest, why: str, pod: Manifest | None) -> ComponentError:
        command, exit_code = how_it_ended(pod) if pod is not None else ((), None)
        story = explain(self._api, manifest)
        return ComponentError(display_name(manifest), f"{why}\n{story}", argv=command, exit_code=exit_code)
