"""What the service answered to events that came again: the same content, or another under the same identity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final, Literal

from fawkes.harness.checks.answers import judge_answers
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Observation, Record, Stage, Tolerance

_TOLERANCE: Final = Tolerance(
    0.0, "answers", "docs/dora.md: the first content under an identity stays, other content is refused"
)


class DeliveriesExpectation(Expectation):
    """A repeated event is answered with 200, one that contradicts an earlier one with 409."""

    check: Literal["deliveries"] = "deliveries"


def check_deliveries(expect: DeliveriesExpectation, history: History) -> Finding:
    """PASS when each event was stored once, each repetition called a duplicate and each contradiction a conflict.

    FAIL at `event` otherwise. INCONCLUSIVE when nothing was repeated or nothing contradicted.
    """
    conflicts = history.of("conflict")
    stored, repeated = _first_and_repeated(history.of("event"))
    evidence = [
        _answered("first deliveries", stored, _stored, "stored"),
        _answered("repetitions", repeated, lambda record: record.data["status"] == 200, "200"),
        _answered("contradictions", conflicts, lambda record: record.data["status"] == 409, "409"),
    ]
    return judge_answers(
        expect,
        evidence,
        _TOLERANCE,
        failed=lambda line: f"{line.observed} of {line.expected} {line.source} were answered as they must be",
        passed=f"{len(repeated)} repetitions were duplicates, {len(conflicts)} contradictions were refused",
    )


def _first_and_repeated(events: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Records of each identity's first delivery, and of all later ones."""
    by_identity: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in events:
        event = record.data["event"]
        by_identity[event["source"], event["id"]].append(record)
    deliveries = by_identity.values()
    return [records[0] for records in deliveries], [record for records in deliveries for record in records[1:]]


def _stored(record: Record) -> bool:
    """Its answer may have been lost; sent again, it is a duplicate of itself."""
    return record.data["status"] in ((201, 200) if record.data["attempts"] > 1 else (201,))


def _answered(what: str, records: Sequence[Record], is_right: Callable[[Record], bool], wanted: str) -> Observation:
    right = sum(map(is_right, records))
    return Observation(Stage.EVENT, what, len(records), right, right == len(records), f"answered as {wanted}")
