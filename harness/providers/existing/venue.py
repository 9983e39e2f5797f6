"""Somebody else's cluster as the place where platforms stand, one after the other, in namespaces with a prefix."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

from fawkes.harness.blueprint import Blueprint
from fawkes.harness.errors import UsageError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.catalogue import SERVICES
from fawkes.harness.kubernetes.apply import apply
from fawkes.harness.kubernetes.policy_trial import NAMESPACE as POLICY_TRIAL
from fawkes.harness.kubernetes.policy_trial import why_not_enforced
from fawkes.harness.kubernetes.site import ClusterSite
from fawkes.harness.kubernetes.stack import provide_bundle
from fawkes.harness.kubernetes.waiting import wait_ready
from fawkes.harness.kubernetes.whereabouts import STAND_INS
from fawkes.harness.ledger import Ledger, state_directory
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.prefix import Prefix
from fawkes.harness.providers.base import Provider
from fawkes.harness.providers.existing.fence import Fence
from fawkes.harness.providers.existing.leftovers import Guest, identity, remove
from fawkes.harness.providers.existing.planned import platform_prefix
from fawkes.harness.providers.existing.port_forwards import PortForwards
from fawkes.harness.providers.existing.preflight import Report, known_context, preflight
from fawkes.harness.providers.existing.provider import ExistingProvider
from fawkes.harness.providers.existing.target import Target
from fawkes.harness.providers.existing.trial import NAMESPACE, images_of, try_images
from fawkes.harness.toolchain import provide
from fawkes.harness.venue import FixedPorts, Opening, refuse_unknown_ports

_OPERATOR_WITHIN_S = 180.0
"""It has to be pulled first, perhaps."""


class ExistingVenue:
    """Each platform has the same namespaces, so there is one at a time. A preflight comes first."""

    provider: ClassVar[type[Provider]] = ExistingProvider
    at_a_time: ClassVar[int | None] = 1
    has_exporters: ClassVar[bool] = True

    def __init__(
        self,
        fence: Fence,
        target: Target,
        prefix: Prefix,
        binaries: Mapping[str, Path],
        kubectl: Path,
        ledger: Ledger,
        fixed: FixedPorts,
        until_closed: contextlib.ExitStack,
    ) -> None:
        """`until_closed` is closed with the venue."""
        self._fence, self._target, self.prefix, self._binaries = fence, target, prefix, binaries
        self._kubectl = [str(kubectl), "--kubeconfig", target.kubeconfig, "--context", target.context]
        self._ledger, self._fixed, self._stack = ledger, fixed, until_closed

    @classmethod
    def obstacle(cls, environ: Mapping[str, str]) -> str | None:
        """None: what keeps a platform from a cluster is known when it has been asked, and then ends the run."""
        return None

    @classmethod
    def open(cls, opening: Opening) -> ExistingVenue:
        if opening.reuse is not None:
            raise UsageError(f"--reuse {opening.reuse}: that is for --on kind; --context says which cluster exists")
        target, run_id, progress = opening.target, opening.run_id, opening.progress
        if target is None:
            raise UsageError("--on existing: say which cluster with --context, and --namespace-prefix")
        clock, prefix = RealClock(), platform_prefix(target.namespace_prefix)
        kubectl = provide(["kubectl"], progress=progress)["kubectl"].path
        with contextlib.ExitStack() as stack:
            fence = stack.enter_context(contextlib.closing(_fence(target, run_id)))
            progress(f"preflight of {target.context}")
            bundle = partial(provide_bundle, environ=os.environ, clock=clock, progress=progress)
            report = preflight(fence, target, prefix, bundle)
            report.refuse()
            ledger = Ledger(state_directory(os.environ), f"{run_id}-{target.context.replace('/', '_')}")
            names = [*prefix.namespaces(), *(f"{prefix.text}{name}" for name in (NAMESPACE, POLICY_TRIAL))]
            ledger.cluster(_guest(fence, target, names).entry())
            stack.callback(_leave, fence, ledger, clock, progress)
            progress("trying every image in a pod")
            images = images_of([*report.platform, *report.operator])
            try_images(fence, prefix, images, SERVICES, clock=clock)
            _install(fence, report.operator, clock, progress)
            return cls(fence, target, prefix, opening.binaries, kubectl, ledger, opening.fixed_ports, stack.pop_all())

    def versions(self) -> Mapping[str, str]:
        """The operator and exporters may be the cluster's own; the preflight tells of them."""
        return {"kubernetes": self._fence.version().lstrip("v")}

    def lacks(self, ability: str) -> str | None:
        return why_not_enforced(self._fence, f"{self.prefix.text}{POLICY_TRIAL}", clock=RealClock())

    def site(self, directory: Path, blueprint: Blueprint, clock: RealClock) -> ClusterSite:
        refuse_unknown_ports(self._fixed, blueprint)
        reach = PortForwards(
            Path(self._target.kubeconfig),
            self._target.context,
            self._kubectl,
            log=directory.absolute() / "logs" / "port-forwards.log",
            ledger=self._ledger,
            run_id=self._fence.run_id,
            fixed=self._fixed,
        )
        self._stack.callback(reach.close)
        home = self.prefix(STAND_INS)
        provider = ExistingProvider(
            self._fence, binaries=self._binaries, reach=reach, kubectl=self._kubectl, clock=clock, home=home
        )
        return ClusterSite(
            directory, blueprint, clock=clock, binaries=self._binaries, provider=provider, kubectl=self._kubectl
        )

    def close(self) -> None:
        self._stack.close()


def look(target: Target, *, progress: Callable[[str], None]) -> Report:
    """The preflight alone; nothing is made. UsageError for a context or prefix that can't be."""
    clock, prefix = RealClock(), platform_prefix(target.namespace_prefix)
    bundle = partial(provide_bundle, environ=os.environ, clock=clock, progress=progress)
    with contextlib.closing(_fence(target, "preflight")) as fence:
        return preflight(fence, target, prefix, bundle)


def _fence(target: Target, run_id: str) -> Fence:
    known_context(target)
    images = {SERVICES: target.services_image} if target.services_image else {}
    return Fence(Path(target.kubeconfig), target.context, run_id=run_id, images=images)


def _guest(fence: Fence, target: Target, namespaces: list[str]) -> Guest:
    return Guest(
        name=target.context,
        run_id=fence.run_id,
        kubeconfig=target.kubeconfig,
        context=target.context,
        server=fence.server,
        identity=identity(fence),
        namespaces=",".join(namespaces),
    )


def _install(fence: Fence, manifests: Sequence[Manifest], clock: RealClock, progress: Callable[[str], None]) -> None:
    if not manifests:
        return
    progress("installing an operator for our namespaces")
    apply(fence, manifests, clock=clock, within_s=_OPERATOR_WITHIN_S)
    deployments = [one for one in manifests if one["kind"] == "Deployment"]
    wait_ready(fence, deployments, clock=clock, within_s=_OPERATOR_WITHIN_S)


def _leave(fence: Fence, ledger: Ledger, clock: RealClock, progress: Callable[[str], None]) -> None:
    """Where it fails the ledger keeps its entry, and `harness gc` tries again."""
    for kept in remove(fence, clock=clock):
        progress(kept)
    ledger.close()
