"""What the DORA service must refuse it refuses, and with the answer that tells its sender what to correct."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import Field

from fawkes.harness.checks.answers import judge_answers
from fawkes.harness.expectation import Expectation
from fawkes.harness.model import Finding, History, Observation, Record, Stage, Tolerance

REFUSED_WITH: Final[Mapping[str, int]] = {"proof": 401, "name": 422}
"""What is wrong with a delivery -> the answer, as fixtures/services/dora/README.md has it."""

_TOLERANCE: Final = Tolerance(
    0.0, "answers", "fixtures/services/dora/README.md: 401 without a proof by a live secret, 422 for an unknown name"
)


class RefusalsExpectation(Expectation):
    """Each sender is believed when it proves who it is and names what is configured, and refused otherwise."""

    check: Literal["refusals"] = "refusals"
    senders: tuple[str, ...] = Field(min_length=1, description="Endpoints below /webhook/, e.g. `github`.")


def check_refusals(expect: RefusalsExpectation, history: History) -> Finding:
    """PASS when of each sender something was accepted, and everything with a false proof or name was refused as it is.

    FAIL at `event` otherwise. INCONCLUSIVE when of a sender nothing good, no false proof, or no unknown name was sent.
    """
    refused = history.of("refusal")
    evidence = [line for sender in expect.senders for line in _lines(sender, history.of("event"), refused)]
    return judge_answers(
        expect,
        evidence,
        _TOLERANCE,
        failed=lambda line: f"{line.observed} of {line.expected} {line.source} got that answer; {line.note}",
        passed=f"{len(refused)} deliveries of {len(expect.senders)} senders were refused, each as it must be",
    )


def _lines(sender: str, events: Sequence[Record], refusals: Sequence[Record]) -> Iterator[Observation]:
    # A service that refuses everything proves nothing.
    good = [record for record in events if record.data["kind"] == sender]
    yield _answered(f"good deliveries of {sender}, answered 2xx", good, range(200, 300))
    for wrong, status in REFUSED_WITH.items():
        bad = [record for record in refusals if (record.data["kind"], record.data["wrong"]) == (sender, wrong)]
        yield _answered(f"deliveries of {sender} with a false {wrong}, answered {status}", bad, (status,))


def _answered(what: str, records: Sequence[Record], right: Sequence[int]) -> Observation:
    others = [record.data for record in records if record.data["status"] not in right]
    note = f"{others[0].get('case', 'a good one')} was answered {others[0]['status']}" if others else ""
    return Observation(Stage.EVENT, what, len(records), len(records) - len(others), not others, note)
