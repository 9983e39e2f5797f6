"""What the harness renders for local processes is what prometheus-operator generates from the same objects.

The operator's output is the truth here, and our rendering what is judged. Both come from the record: the observer
writes down the platform's objects and what the operator has made of them; the check renders the same objects again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from fawkes.harness.checks.meant_differences import meant
from fawkes.harness.expectation import Expectation
from fawkes.harness.local_rendering import Tree, flags, local_rendering
from fawkes.harness.model import Finding, History, Json, Observation, Stage, Tolerance, Verdict
from fawkes.harness.operator.generated import as_pod_reads, stateful_set_name
from fawkes.harness.operator.objects import Manifest, Objects, display_name
from fawkes.harness.operator.pods import pod_name

OBJECT: Final = "platform_object"
"""Kind of record: `{object}`, one of the platform's objects as it was meant to be applied."""
GENERATED: Final = "generated"
"""Kind of record: `{owner, ...}`, what the operator has made of one of them (harness/operator/generated.py)."""

ABSENT: Final = "absent"
_STAGES: Final[Mapping[str, Stage]] = {"rules": Stage.RULE, "thanos-sidecar": Stage.SIDECAR}
"""Section or container that is a stage of its own; the others are their pod's."""
_SHOWN: Final = 100
"""Wrong fields in the evidence. One relabelling step too few shifts all that follow, in every job of every replica."""
_SENTENCE: Final = 80
"""Characters of a value that a reason shows."""
_TOLERANCE: Final = Tolerance(0.0, "fields", "harness/checks/meant_differences.py names each difference that is meant")


class RenderedEqualExpectation(Expectation):
    """Configuration, rule files, flags and labels of every Prometheus and Alertmanager, field by field."""

    check: Literal["rendered_equal"] = "rendered_equal"


class Difference(NamedTuple):
    """One field that is not the same; `ABSENT` on the side that lacks it."""

    path: tuple[str, ...]
    theirs: Json
    ours: Json


class Section(NamedTuple):
    """One section of one pod, compared: `config` of `prometheus-core-0`."""

    summary: Observation
    wrong: list[Observation]
    meant: list[Observation]


def check_rendered_equal(expect: RenderedEqualExpectation, history: History) -> Finding:
    """PASS when each field is equal or its difference is meant; FAIL names the first that isn't, with its path.

    INCONCLUSIVE when no object was recorded, or nothing that the operator has generated for one of them.
    """
    objects = Objects(tuple(record.data["object"] for record in history.of(OBJECT, expectation=expect.name)))
    generated = {record.data["owner"]: record.data for record in history.of(GENERATED, expectation=expect.name)}
    owners = [*objects.of("Prometheus"), *objects.of("Alertmanager")]
    if not owners:
        return _unknown(expect, "the record holds no Prometheus and no Alertmanager")
    if missing := [display_name(one) for one in owners if display_name(one) not in generated]:
        return _unknown(expect, f"the operator has generated nothing for {', '.join(missing)}; its log tells why")
    ours = local_rendering(objects)
    return _judged(
        expect, [section for owner in owners for section in compared(owner, generated[display_name(owner)], ours)]
    )


def compared(owner: Manifest, generated: Mapping[str, Json], ours: Mapping[str, Tree]) -> list[Section]:
    """Every section of every pod of a Prometheus or an Alertmanager. `ours` is what `local_rendering` gives."""
    theirs = {
        pod: generated_tree(pod, generated)
        for pod in (pod_name(owner, replica) for replica in range(generated["replicas"]))
    }
    own = {pod: tree for pod, tree in ours.items() if pod.rpartition("-")[0] == stateful_set_name(owner)}
    return [
        section
        for pod in sorted(theirs | own)
        for section in _sections(pod, owner["kind"].lower(), theirs.get(pod, {}), own.get(pod, {}))
    ]


def generated_tree(pod: str, generated: Mapping[str, Json]) -> Tree:
    """What the operator makes of one pod, in the form of `local_rendering`."""
    return {
        "config": as_pod_reads(generated["config"], {**generated["env"], "POD_NAME": pod}),
        **({"rules": generated["rules"]} if "rules" in generated else {}),
        "flags": {container: _with_meaning(flags(args)) for container, args in generated["args"].items()},
        "labels": generated["labels"],
    }


def differences(theirs: Json, ours: Json, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Every field in which two JSON values differ. Lists are compared by position, lists of named things by name."""
    theirs, ours = _keyed(theirs), _keyed(ours)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in dict.fromkeys([*theirs, *ours]):
            yield from differences(theirs.get(key, ABSENT), ours.get(key, ABSENT), (*path, str(key)))
    elif theirs != ours:
        yield Difference(path, theirs, ours)


def leaves(value: Json) -> int:
    """How many fields a JSON value has."""
    if isinstance(value, dict | list):
        return sum(map(leaves, value.values() if isinstance(value, dict) else value))
    return 1


def _keyed(value: Json) -> Json:
    """A list as a mapping: from the names of its jobs or groups where it has such, else from positions."""
    if not isinstance(value, list):
        return value
    for key in ("job_name", "name"):
        names = [one.get(key) if isinstance(one, dict) else None for one in value]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
    return {str(index): one for index, one in enumerate(value)}


def _with_meaning(given: Mapping[str, Json]) -> dict[str, Json]:
    """Flags without those that say nothing: all of a cluster's, where an Alertmanager is told to form none."""
    alone = given.get("cluster.listen-address") == ""
    return {
        name: value
        for name, value in given.items()
        if not (alone and name.startswith("cluster.") and name != "cluster.listen-address")
    }


def _sections(pod: str, kind: str, theirs: Tree, ours: Tree) -> Iterator[Section]:
    for name in dict.fromkeys([*theirs, *ours]):
        found = list(differences(theirs.get(name, ABSENT), ours.get(name, ABSENT), (name,)))
        wrong = [one for one in found if meant((kind, *one.path)) is None]
        fields = leaves(theirs[name]) if name in theirs else 0
        equal = fields - sum(leaves(one.theirs) for one in wrong if one.theirs != ABSENT)
        note = f"{name}: fields, and how many are equal or meant to differ"
        yield Section(
            Observation(_stage(kind, (name,)), pod, fields, equal, not wrong, note),
            [_line(pod, kind, one) for one in wrong],
            [_line(pod, kind, one) for one in found if one not in wrong],
        )


def _line(pod: str, kind: str, one: Difference) -> Observation:
    reason = meant((kind, *one.path))
    note = " > ".join(one.path) + (f"; meant: {reason.why}" if reason else "")
    return Observation(_stage(kind, one.path), pod, one.theirs, one.ours, reason is not None, note)


def _stage(kind: str, path: Sequence[str]) -> Stage:
    return next((stage for key, stage in _STAGES.items() if key in path[:2]), Stage(kind))


def _judged(expect: Expectation, sections: Sequence[Section]) -> Finding:
    wrong = [line for section in sections for line in section.wrong]
    known = [line for section in sections for line in section.meant]
    fields, equal = (sum(getattr(one.summary, side) for one in sections) for side in ("expected", "observed"))
    pods = {section.summary.source for section in sections}
    first = wrong[0] if wrong else None
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.FAIL if first else Verdict.PASS,
        expected=first.expected if first else fields,
        observed=first.observed if first else equal,
        reason=(
            f"{first.source}: {first.note} is {_short(first.observed)} here and {_short(first.expected)} on a cluster; "
            f"{len(wrong)} fields differ in all"
            if first
            else f"{fields} fields of {len(pods)} pods are what the operator generates, or among the {len(known)} "
            "differences that are meant"
        ),
        stage=first.stage if first else None,
        tolerance=_TOLERANCE,
        evidence=(*(section.summary for section in sections), *wrong[:_SHOWN], *known),
    )


def _unknown(expect: Expectation, reason: str) -> Finding:
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.INCONCLUSIVE,
        expected="what the operator generates",
        observed=ABSENT,
        reason=reason,
        stage=Stage.HARNESS,
    )


def _short(value: Json) -> str:
    """A value in a sentence; a whole section is in the evidence."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SENTENCE else f"{text[:_SENTENCE]}..."
