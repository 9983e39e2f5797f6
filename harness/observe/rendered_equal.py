"""Writes down the platform's objects, and what prometheus-operator has generated from them on the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from fawkes.harness.checks.rendered_equal import GENERATED, OBJECT, RenderedEqualExpectation, compared
from fawkes.harness.local_rendering import Tree, local_rendering
from fawkes.harness.model import Json
from fawkes.harness.observe.last_seen import last_seen
from fawkes.harness.operator.generated import read_generated
from fawkes.harness.operator.objects import Manifest, display_name
from fawkes.harness.world import Recorder, World

if TYPE_CHECKING:  # of the extra `kind`, which the core does without
    from fawkes.harness.kubernetes.api import Api


def observe_rendered_equal(expect: RenderedEqualExpectation, world: World, record: Recorder) -> None:
    """Record every object, and for each Prometheus and Alertmanager what there is of it when nothing differs any more.

    Whatever is there when time is up is recorded as well: the operator follows a change within a second or two.
    """
    objects, api = world.objects(), world.kubernetes()
    for manifest in objects:
        record(OBJECT, expectation=expect.name, object=dict(manifest))
    ours, until_s = local_rendering(objects), world.now_s() + expect.within
    for owner in [*objects.of("Prometheus"), *objects.of("Alertmanager")]:
        made = last_seen(
            world,
            f"what the operator makes of {display_name(owner)}",
            partial(generated, api, owner),
            partial(_is_right, owner, ours),
            until_s=until_s,
        )
        if made is not None:
            record(GENERATED, expectation=expect.name, owner=display_name(owner), **made)


def generated(api: Api, owner: Manifest) -> dict[str, Json] | None:
    """What the operator has made of one object on a cluster; None while part of it isn't there."""

    def get(api_version: str, kind: str, name: str, namespace: str) -> Manifest | None:
        return api.get(api_version, kind, name, namespace)

    return read_generated(owner, get)


def _is_right(owner: Manifest, ours: Mapping[str, Tree], made: Mapping[str, Json] | None) -> bool:
    return made is not None and not any(section.wrong for section in compared(owner, made, ours))
