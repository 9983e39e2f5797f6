"""Ours against theirs, element by element and instant by instant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from fawkes.harness.oracle.promql_proof.live import Answers, LivePrometheus
from fawkes.harness.oracle.promql_proof.questions import Port, Question
from fawkes.harness.oracle.promql_proof.series import INSTANTS_MS

TOLERANCE: Final = 1e-9
"""Relative; what the oracle promises where the samples are known."""


class Compared(NamedTuple):
    """One element of one question at one instant. None: it isn't there."""

    question: Question
    key: str
    at_ms: int
    ours: float | None
    theirs: float | None

    @property
    def error(self) -> float:
        """Relative; infinite when only one is there, or is a number, or is finite."""
        return relative_error(self.ours, self.theirs)


@dataclass(slots=True)
class Tally:
    """How often one function was asked, and how it went."""

    compared: int = 0
    values: int = 0
    """Prometheus answered with a number."""
    equal_values: int = 0
    """We with the very same double."""
    nan: int = 0
    """Both NaN."""
    absent: int = 0
    """Neither there."""
    worst: Compared | None = None

    @property
    def worst_error(self) -> float:
        return self.worst.error if self.worst else 0.0

    def add(self, one: Compared) -> None:
        error = one.error
        self.compared += 1
        if one.theirs is None:
            self.absent += error == 0
        elif math.isnan(one.theirs):
            self.nan += error == 0
        else:
            self.values += 1
            self.equal_values += error == 0
        if error > self.worst_error:
            self.worst = one

    def join(self, other: Tally) -> None:
        self.compared += other.compared
        self.values += other.values
        self.equal_values += other.equal_values
        self.nan += other.nan
        self.absent += other.absent
        if other.worst_error > self.worst_error:
            self.worst = other.worst


@dataclass(slots=True)
class Proof:
    """The result over all questions."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    """By function."""
    branches: Counter[str] = field(default_factory=Counter)

    @property
    def compared(self) -> int:
        return sum(tally.compared for tally in self.tallies.values())

    @property
    def disagreements(self) -> list[Compared]:
        """The worst one of each function that has one."""
        worst = (tally.worst for tally in self.tallies.values())
        return [one for one in worst if one is not None and one.error > TOLERANCE]

    def join(self, other: Proof) -> None:
        for name, tally in other.tallies.items():
            self.tallies.setdefault(name, Tally()).join(tally)
        self.branches += other.branches


def relative_error(ours: float | None, theirs: float | None) -> float:
    """|ours - theirs| in relation to the larger one; 0 for the same, infinite where a number faces none."""
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else math.inf
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0.0
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return math.inf
    larger = max(abs(ours), abs(theirs))
    return abs(ours / larger - theirs / larger)


def ask_all(live: LivePrometheus, questions: Sequence[Question]) -> dict[str, Answers]:
    """Expression -> what the running Prometheus answers."""
    return {question.expr: live.ask(question.expr, INSTANTS_MS, question.by) for question in questions}


def prove(questions: Sequence[Question], answers: Mapping[str, Answers], port: Port) -> Proof:
    """Compare everything. Raises ValueError when Prometheus answered with an element that nobody asked for."""
    proof = Proof()
    for question in questions:
        if strangers := answers[question.expr].keys() - question.elements.keys():
            raise ValueError(f"{question.expr} answered elements that we don't know: {sorted(strangers)[:3]}")
        tally = proof.tallies.setdefault(question.name, Tally())
        for one in compare(question, answers[question.expr], port, list(question.elements)):
            tally.add(one)
            if question.branches is not None:
                proof.branches.update(question.branches(port, one.key, one.at_ms))
    return proof


def compare(question: Question, answers: Answers, port: Port, keys: Sequence[str]) -> Iterator[Compared]:
    """Every instant of these elements."""
    for key in keys:
        theirs = answers.get(key, {})
        for at_ms in INSTANTS_MS:
            yield Compared(question, key, at_ms, question.compute(port, key, at_ms), theirs.get(at_ms))
