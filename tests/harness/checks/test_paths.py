"""The two smoke paths, judged from hand-made histories: the first stage that is off is the one named."""

import pytest

from fawkes.harness.checks.paths import EventPathExpectation, SamplePathExpectation, check_event_path, check_sample_path
from fawkes.harness.model import History, Record, Stage, Verdict

REPLICAS = ("prometheus-core-0", "prometheus-core-1")
SAMPLE = SamplePathExpectation(name="path")
EVENT = EventPathExpectation(name="path")


def value(stage, source, seen):
    data = {"expectation": "path", "stage": stage, "source": source, "query": "q", "value": seen}
    return Record(1.0, 1.0, "value", data)


def series(*values, replicas=()):
    labels = [{"prometheus_replica": name} for name in replicas] or [{}] * len(values)
    return [{"labels": one, "value": v} for one, v in zip(labels, values, strict=True)]


def sample_history(**changes):
    """A good one, but for `changes`: stage or source -> what it shows; ... leaves it out."""
    seen = {
        "harness": 42,
        "exporter": series(42.0),
        "prometheus-core-0": series(42.0),
        "prometheus-core-1": series(42.0),
        "sidecar": series(42.0, 42.0, replicas=REPLICAS),
        "thanos": series(42.0),
    } | changes
    return _records(seen)


def event_history(ack="stored", status=201, **changes):
    seen = {
        "store": 1,
        "exporter": series(1.0),
        "prometheus-core-0": series(1.0),
        "prometheus-core-1": series(1.0),
        "thanos": series(1.0),
    } | changes
    sent = Record(1.0, 1.0, "event", {"expectation": "path", "kind": "deployment", "ack": ack, "status": status})
    return History([sent, *_records(seen).records])


def _records(seen):
    stages = {name: "prometheus" if name.startswith("prometheus-") else name for name in seen}
    return History([value(stages[name], name, shown) for name, shown in seen.items() if shown is not ...])


def test_a_sample_seen_everywhere_passes():
    finding = check_sample_path(SAMPLE, sample_history())
    assert finding.verdict is Verdict.PASS
    assert [seen.stage.value for seen in finding.evidence] == [
        "exporter",
        "prometheus",
        "prometheus",
        "sidecar",
        "thanos",
    ]


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"exporter": []}, Stage.EXPORTER),
        ({"exporter": None}, Stage.EXPORTER),
        ({"exporter": series(41.0), "thanos": []}, Stage.EXPORTER),
        ({"prometheus-core-1": []}, Stage.PROMETHEUS),
        ({"prometheus-core-0": series(42.0, 42.0)}, Stage.PROMETHEUS),
        ({"prometheus-core-1": ...}, Stage.PROMETHEUS),
        ({"sidecar": series(42.0, replicas=REPLICAS[:1])}, Stage.SIDECAR),
        ({"sidecar": series(42.0, 42.0, replicas=("same", "same"))}, Stage.SIDECAR),
        ({"sidecar": series(42.0, 42.0)}, Stage.SIDECAR),
        ({"sidecar": None}, Stage.SIDECAR),
        ({"thanos": series(42.0, 42.0)}, Stage.THANOS),
        ({"thanos": series(43.0)}, Stage.THANOS),
        ({"thanos": []}, Stage.THANOS),
    ],
)
def test_a_sample_that_goes_missing_or_doubles_fails_where_it_does(changes, stage):
    finding = check_sample_path(SAMPLE, sample_history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, stage)


def test_an_event_counted_once_everywhere_passes():
    finding = check_event_path(EVENT, event_history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == "seen at all 6 places, from event to thanos"


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"ack": "lost", "status": 0}, Stage.EVENT),
        ({"ack": "refused", "status": 401}, Stage.EVENT),
        ({"ack": "duplicate", "status": 200}, Stage.EVENT),
        ({"store": 0}, Stage.STORE),
        ({"store": 2}, Stage.STORE),
        ({"store": None}, Stage.STORE),
        ({"exporter": series(0.0)}, Stage.EXPORTER),
        ({"exporter": [], "prometheus-core-0": []}, Stage.EXPORTER),
        ({"prometheus-core-0": series(2.0)}, Stage.PROMETHEUS),
        ({"prometheus-core-1": None}, Stage.PROMETHEUS),
        ({"thanos": []}, Stage.THANOS),
    ],
)
def test_an_event_lost_or_counted_twice_fails_where_it_is(changes, stage):
    finding = check_event_path(EVENT, event_history(**changes))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, stage)


def test_no_record_is_inconclusive_never_a_pass():
    for finding in (
        check_sample_path(SAMPLE, History([])),
        check_event_path(EVENT, History([])),
        check_sample_path(SAMPLE, sample_history(harness=...)),
        check_sample_path(SAMPLE, sample_history(sidecar=...)),
        check_sample_path(SAMPLE, sample_history(**dict.fromkeys(REPLICAS, ...))),
        check_event_path(EVENT, event_history(store=...)),
        check_event_path(EVENT, event_history(thanos=...)),
    ):
        assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)


def test_a_broken_stage_counts_even_when_a_later_one_was_not_looked_at():
    finding = check_event_path(EVENT, event_history(store=0, thanos=...))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.STORE)
