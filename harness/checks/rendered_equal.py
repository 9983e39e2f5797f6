"""What the harness renders for local processes is what prometheus-operator generates from the same objects.

The operator's output is the truth here, and our rendering what is judged. Both come from the record: the observer
writes down the platform's objects and what the operator has made of them; the check renders the same objects again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Literal

from fawkes.harness.checks.fieldwise import Section, compare, judged, unknown
from fawkes.harness.expectation import Expectation
from fawkes.harness.local_rendering import Tree, flags, local_rendering
from fawkes.harness.model import Finding, History, Json, Stage
from fawkes.harness.operator.generated import as_pod_reads, stateful_set_name
from fawkes.harness.operator.objects import Manifest, Objects, display_name
from fawkes.harness.operator.pods import pod_name

OBJECT: Final = "platform_object"
"""Kind of record: `{object}`, one of the platform's objects as it was meant to be applied."""
GENERATED: Final = "generated"
"""Kind of record: `{owner, ...}`, what the operator has made of one of them (harness/operator/generated.py)."""

_STAGES: Final[Mapping[str, Stage]] = {"rules": Stage.RULE, "thanos-sidecar": Stage.SIDECAR}
"""Section or container that is a stage of its own; the others are their pod's."""


class RenderedEqualExpectation(Expectation):
    """Configuration, rule files, flags and labels of every Prometheus and Alertmanager, field by field."""

    check: Literal["rendered_equal"] = "rendered_equal"


def check_rendered_equal(expect: RenderedEqualExpectation, history: History) -> Finding:
    """PASS when each field is equal or its difference is meant; FAIL names the first that isn't, with its path.

    INCONCLUSIVE when no object was recorded, or nothing that the operator has generated for one of them.
    """
    objects = Objects(tuple(record.data["object"] for record in history.of(OBJECT, expectation=expect.name)))
    generated = {record.data["owner"]: record.data for record in history.of(GENERATED, expectation=expect.name)}
    owners = [*objects.of("Prometheus"), *objects.of("Alertmanager")]
    if not owners:
        return unknown(expect, "the record holds no Prometheus and no Alertmanager")
    if missing := [display_name(one) for one in owners if display_name(one) not in generated]:
        return unknown(expect, f"the operator has generated nothing for {', '.join(missing)}; its log tells why")
    ours = local_rendering(objects)
    return judged(
        expect, [section for owner in owners for section in compared(owner, generated[display_name(owner)], ours)]
    )


def compared(owner: Manifest, generated: Mapping[str, Json], ours: Mapping[str, Tree]) -> list[Section]:
    """Every section of every pod of a Prometheus or an Alertmanager. `ours` is what `local_rendering` gives."""
    kind = owner["kind"].lower()
    theirs = {
        pod: generated_tree(pod, generated)
        for pod in (pod_name(owner, replica) for replica in range(generated["replicas"]))
    }
    own = {pod: tree for pod, tree in ours.items() if pod.rpartition("-")[0] == stateful_set_name(owner)}
    return [
        section
        for pod in sorted(theirs | own)
        for section in compare(pod, kind, theirs.get(pod, {}), own.get(pod, {}), partial(_stage, kind))
    ]


def generated_tree(pod: str, generated: Mapping[str, Json]) -> Tree:
    """What the operator makes of one pod, in the form of `local_rendering`."""
    return {
        "config": as_pod_reads(generated["config"], {**generated["env"], "POD_NAME": pod}),
        **({"rules": generated["rules"]} if "rules" in generated else {}),
        "flags": {container: _with_meaning(flags(args)) for container, args in generated["args"].items()},
        "labels": generated["labels"],
    }


def _with_meaning(given: Mapping[str, Json]) -> dict[str, Json]:
    """Flags without those that say nothing: all of a cluster's, where an Alertmanager is told to form none."""
    alone = given.get("cluster.listen-address") == ""
    return {
        name: value
        for name, value in given.items()
        if not (alone and name.startswith("cluster.") and name != "cluster.listen-address")
    }


def _stage(kind: str, path: Sequence[str]) -> Stage:
    return next((stage for key, stage in _STAGES.items() if key in path[:2]), Stage(kind))
