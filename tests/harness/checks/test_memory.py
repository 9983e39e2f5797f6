"""What node-exporter shows of a node's memory against what a pod there has read, from hand-made histories."""

import json

import pytest

from fawkes.harness.checks.memory import AVAILABLE, TOTAL, MemoryExpectation, check_memory
from fawkes.harness.model import History, Record, Stage, Verdict

GIB = 1 << 30
TOTAL_BYTES = 24 * GIB
EXPECT = MemoryExpectation(name="memory", pod="apps/hungry", above=0.85, spare_bytes=2 * GIB)
CORES = ("prometheus-core-0", "prometheus-core-1")
READ = {at_s: max(3 * GIB, 20 * GIB - (at_s - 1000) * GIB) for at_s in range(1000, 1040)}
"""Second -> bytes available: one GiB less each second, down to three."""
STORED = [[at_s - 0.3, float(available)] for at_s, available in READ.items()]


def record(kind, **data):
    return Record(1.0, 1.0, kind, data)


def lines(read=None):
    read = READ if read is None else read
    return [
        json.dumps({"at_s": at_s, "total_bytes": TOTAL_BYTES, "available_bytes": available, "eaten_bytes": 0})
        for at_s, available in read.items()
    ]


def history(*, said=None, stored=STORED, totals=((1000.0, float(TOTAL_BYTES)),), drop=(), silent=False):
    records = [
        record("applied", objects=[], began_s=1.0, ended_s=1.0, clock_factor=30.0),
        record("said", pod="Pod apps/hungry", lines=lines() if said is None else said),
    ]
    for part in CORES:
        where = {"expectation": "memory", "stage": "prometheus", "source": part, "query": "q"}
        records.append(record("value", **where, value=None if silent else 1))
        for name, samples in ((TOTAL, totals), (AVAILABLE, stored if part == CORES[1] else STORED)):
            records.append(record("series", **where, labels={"__name__": name}, samples=list(map(list, samples))))
    return History([one for one in records if one.kind not in drop])


def test_what_both_have_read_alike_passes():
    finding = check_memory(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == "up to 87.5% were in use, 3.0 GiB left, as node-exporter shows"


@pytest.mark.parametrize(
    "changes",
    [
        {"stored": []},
        {"stored": STORED[:20]},
        {"stored": [[at_s, value + 3 * GIB] for at_s, value in STORED]},
        {"totals": [(1000.0, 23.0 * GIB)]},
        {"totals": []},
    ],
)
def test_other_memory_than_the_pods_fails(changes):
    finding = check_memory(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"said": [json.dumps({"why": "others use 80%"})]}, "the pod would not eat: others use 80%"),
        ({"said": [*lines(), json.dumps({"why": "only 1.9 GiB are left"})]}, "only 1.9 GiB are left"),
        ({"said": []}, "has said nothing"),
        ({"said": lines({1000: 10 * GIB})}, "the scenario needs 85%"),
        ({"said": lines({1000: GIB})}, "others use this machine"),
        ({"drop": ["said"]}, "has said nothing"),
        ({"drop": ["applied"]}, "was applied"),
        ({"drop": ["value"]}, "gave no answer"),
        ({"silent": True}, "gave no answer"),
    ],
)
def test_what_did_not_happen_or_is_not_on_record_cannot_be_judged(changes, reason):
    finding = check_memory(EXPECT, history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert reason in finding.reason
