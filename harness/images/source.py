"""Where the node's image comes from: kind's own from a registry where one answers, else made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from fawkes.harness.errors import ProviderError
from fawkes.harness.images.docker import Docker
from fawkes.harness.toolchain.pins import pins

Source = Literal["auto", "pull", "build"]
"""`auto` takes the one that the engine has, and asks a registry when it has none."""

MADE: Final = "fawkes/node"
"""The repository of node images that were made here; everything in it is ours."""


def published_node() -> str:
    """kind's own node of the pinned Kubernetes version. It brings the control plane; it pulls the platform itself."""
    return f"kindest/node:v{pins()['kubelet'].version}"


def pulled_node(docker: Docker, source: Source, progress: Callable[[str], None]) -> str | None:
    """The published node, in the engine; None where it is to be made. ProviderError where `pull` can't be done."""
    reference = published_node()
    if source == "build":
        return None
    if docker.has(reference):
        return reference
    if source == "auto" and docker.tags(MADE):
        return None
    if docker.can_pull(reference):
        progress(f"node: pulling {reference}")
        docker.pull(reference)
        return reference
    if source == "pull":
        raise ProviderError(
            f"no registry gives {reference}; let this machine reach one, or make the image here: harness images --build"
        )
    progress("node: no registry answers, so it is made here")
    return None
