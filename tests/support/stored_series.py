"""Records of a series that replicas and Thanos Query were asked for, for hand-made histories."""

from collections.abc import Iterator, Sequence

from fawkes.harness.model import Record


def record(kind: str, **data: object) -> Record:
    """One record; when it was written doesn't matter."""
    return Record(1.0, 1.0, kind, data)


def looked(part: str, stage: str, *series: Sequence[Sequence[float]]) -> Iterator[Record]:
    """Expectation `whole` asked `part` for the metric `seconds` of jenkins-0; it showed these samples."""
    where = {"expectation": "whole", "stage": stage, "source": part, "query": "seconds{}"}
    labels = {"__name__": "seconds", "pod": "jenkins-0"}
    yield record("value", **where, value=len(series))
    for number, samples in enumerate(series):
        yield record("series", **where, labels={**labels, "replica": str(number)}, samples=samples)


def without(samples: Sequence[Sequence[float]], from_s: float, until_s: float) -> list[Sequence[float]]:
    """All but those between two instants."""
    return [one for one in samples if not from_s < one[0] < until_s]
