"""Two sides of the same thing, a cluster's and ours, compared field by field. What is meant to differ is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from fawkes.harness.checks.meant_differences import meant
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, Json, Observation, Stage, Tolerance, Verdict

ABSENT: Final = "absent"
_SHOWN: Final = 20
"""Wrong fields in the evidence. One relabelling step too few shifts all that follow, in every job of every replica."""
_SENTENCE: Final = 80
"""Characters of a value that a reason shows."""
_TOLERANCE: Final = Tolerance(0.0, "fields", "harness/checks/meant_differences.py names each difference that is meant")

StageOf = Callable[[Sequence[str]], Stage]
"""Path of a field -> the stage at which a difference there is one."""


class Difference(NamedTuple):
    """One field that is not the same; `ABSENT` on the side that lacks it."""

    path: tuple[str, ...]
    theirs: Json
    ours: Json


class Section(NamedTuple):
    """One section of one part, compared: `config` of `prometheus-core-0`."""

    summary: Observation
    wrong: list[Observation]
    meant: list[Observation]
    """One for each reason."""


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


def compare(
    part: str, kind: str, theirs: Mapping[str, Json], ours: Mapping[str, Json], stage: StageOf
) -> Iterator[Section]:
    """The sections of one part. `kind` is what differences that are meant begin with."""
    for name in dict.fromkeys([*theirs, *ours]):
        wrong: list[Observation] = []
        known: dict[str, list[Difference]] = {}
        for one in differences(theirs.get(name, ABSENT), ours.get(name, ABSENT), (name,)):
            if reason := meant((kind, *one.path)):
                known.setdefault(reason.why, []).append(one)
            else:
                wrong.append(Observation(stage(one.path), part, one.theirs, one.ours, False, " > ".join(one.path)))
        fields = leaves(theirs[name]) if name in theirs else 0
        equal = fields - sum(leaves(line.expected) for line in wrong if line.expected != ABSENT)
        note = f"{name}: fields, and how many are equal or meant to differ"
        yield Section(
            Observation(stage((name,)), part, fields, equal, not wrong, note),
            wrong,
            [_meant(part, stage, why, found) for why, found in known.items()],
        )


def judged(expect: Expectation, sections: Sequence[Section]) -> Finding:
    """PASS when no field is wrong; FAIL, with the path of the first that is, otherwise."""
    wrong = [line for section in sections for line in section.wrong]
    known = [line for section in sections for line in section.meant]
    fields, equal = (sum(getattr(one.summary, side) for one in sections) for side in ("expected", "observed"))
    parts = {section.summary.source for section in sections}
    first = wrong[0] if wrong else None
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.FAIL if first else Verdict.PASS,
        expected=first.expected if first else fields,
        observed=first.observed if first else equal,
        reason=(
            f"{first.source}: {first.note} is {_short(first.observed)} here and {_short(first.expected)} on a cluster"
            f"{f'; {len(wrong)} fields differ in all' if len(wrong) > 1 else ''}"
            if first
            else f"{fields} fields of {len(parts)} parts are what they are on a cluster, or meant to differ"
        ),
        stage=first.stage if first else None,
        tolerance=_TOLERANCE,
        evidence=(*(section.summary for section in sections), *wrong[:_SHOWN], *known),
    )


def unknown(expect: Expectation, reason: str) -> Finding:
    """INCONCLUSIVE: one of the two sides is not in the record."""
    return Finding(
        expectation=expect.name,
        check=expect.check,
        verdict=Verdict.INCONCLUSIVE,
        expected="what is on the cluster",
        observed=ABSENT,
        reason=reason,
        stage=Stage.HARNESS,
    )


def _keyed(value: Json) -> Json:
    """A list as a mapping: from the names of its jobs or groups where it has such, else from positions."""
    if not isinstance(value, list):
        return value
    for key in ("job_name", "name"):
        names = [one.get(key) if isinstance(one, dict) else None for one in value]
        if all(names) and len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
    return {str(index): one for index, one in enumerate(value)}


def _meant(part: str, stage: StageOf, why: str, found: Sequence[Difference]) -> Observation:
    first = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    note = f"{' > '.join(first.path)}{more}; meant: {why}"
    return Observation(stage(first.path), part, first.theirs, first.ours, True, note)


def _short(value: Json) -> str:
    """A value in a sentence; a whole section is in the evidence."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SENTENCE else f"{text[:_SENTENCE]}..."
