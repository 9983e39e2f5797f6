"""Series of a crowd against the API server's own list, from hand-made histories."""

import copy

import pytest

from fawkes.harness.checks.kube_state import KubeStateExpectation, check_kube_state, counts
from fawkes.harness.model import History, Record, Stage, Verdict

EXPECT = KubeStateExpectation(name="counted", series_at_least=50)
CORES = ("prometheus-core-0", "prometheus-core-1")
CROWD = {
    "namespaces": 3,
    "nodes": 2,
    "ready_nodes": 2,
    "pods": [
        {"node": "a", "phase": "Running", "containers": 1, "count": 4},
        {"node": "b", "phase": "Running", "containers": 2, "count": 3},
        {"node": "b", "phase": "Pending", "containers": 0, "count": 1},
    ],
}
ALONE = {"namespaces": 2, "nodes": 1, "ready_nodes": 1, "pods": [CROWD["pods"][0]]}
"""What is left when the crowd has gone."""


def record(kind, **data):
    return Record(1.0, 1.0, kind, data)


def counted(census):
    """What a Prometheus stores that misses nothing."""
    return {**counts(census), "series": 70, "kube_pod_labels": 8}


def samples(value, from_s=100.0, until_s=180.0):
    return [[from_s + 3 * step, value] for step in range(int((until_s - from_s) / 3))]


def history(*, stayed=CROWD, stored=None, left=None, scrapes=None, drop=()):
    """Censuses at 110, 140 and 160; scrapes every 3 s. `stored`, `left`, `scrapes`: of the second replica."""
    records = [
        record("census", when=when, began_s=at_s, ended_s=at_s + 1, clock_factor=10.0, **census)
        for when, at_s, census in (("come", 110.0, CROWD), ("stayed", 140.0, stayed), ("gone", 160.0, ALONE))
    ]
    good = {"up": samples(1.0), "scrape_duration_seconds": samples(0.4), "scrape_samples_scraped": samples(70.0)}
    for part in CORES:
        mine = part == CORES[1]
        for when, found in (("stayed", stored if mine else None), ("gone", left if mine else None)):
            told = found or counted(CROWD if when == "stayed" else ALONE)
            records.append(record("families", when=when, source=part, job="kube-state-metrics", counted=told))
        for name, values in (good | ((scrapes or {}) if mine else {})).items():
            where = {"expectation": "counted", "stage": "prometheus", "source": part, "query": "q"}
            records.append(record("series", **where, labels={"__name__": name}, samples=values))
    return History([one for one in records if (one.kind, one.data.get("when", "")) not in drop])


def test_what_must_be_counted_follows_from_the_objects():
    assert counts(CROWD) == {
        "kube_namespace_created": 3,
        "kube_node_info": 2,
        "kube_node_created": 2,
        "kube_pod_info": 8,
        "kube_pod_created": 8,
        "kube_pod_status_phase": 40,
        "kube_pod_container_info": 10,
        "ready nodes": 2,
        "pods in phase Running": 7,
        "pods in phase Pending": 1,
        "pods on a": 4,
        "pods on b": 4,
    }


def test_as_many_series_as_objects_in_time_passes():
    finding = check_kube_state(EXPECT, history())
    assert finding.verdict is Verdict.PASS
    assert finding.reason == "2 nodes and 8 pods were 70 series, scraped in 0.40 s at most"


@pytest.mark.parametrize("key", [*counts(CROWD), "series"])
@pytest.mark.parametrize("by", [-1, 1])
def test_one_series_more_or_fewer_fails(key, by):
    stored = counted(CROWD)
    stored[key] += by
    finding = check_kube_state(EXPECT, history(stored=stored))
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PROMETHEUS)
    assert finding.reason.startswith(CORES[1])


def test_pods_on_a_node_that_the_api_server_does_not_know_fail():
    finding = check_kube_state(EXPECT, history(stored=counted(CROWD) | {"pods on c": 1}))
    assert finding.verdict is Verdict.FAIL
    assert any(line.note.startswith("pods on c") for line in finding.evidence)


def test_a_family_that_is_missing_fails():
    stored = {key: count for key, count in counted(CROWD).items() if key != "kube_node_info"}
    assert check_kube_state(EXPECT, history(stored=stored)).verdict is Verdict.FAIL


def test_what_has_gone_must_be_forgotten():
    finding = check_kube_state(EXPECT, history(left=counted(CROWD)))
    assert finding.verdict is Verdict.FAIL
    assert any("when they had gone" in line.note for line in finding.evidence if not line.ok)


@pytest.mark.parametrize(
    ("scrapes", "note"),
    [
        ({"up": [*samples(1.0)[:8], [124.0, 0.0], *samples(1.0)[9:]]}, "scrapes that failed"),
        ({"up": samples(1.0, until_s=120.0)}, "scrapes of the crowd, at least"),
        ({"scrape_duration_seconds": samples(1.01)}, "seconds that a scrape took, at most"),
        ({"scrape_duration_seconds": []}, "seconds that a scrape took, at most"),
    ],
)
def test_a_scrape_that_failed_or_was_left_out_or_late_fails(scrapes, note):
    finding = check_kube_state(EXPECT, history(scrapes=scrapes))
    assert finding.verdict is Verdict.FAIL
    assert f"{CORES[1]}: {note}" in finding.reason


def test_a_cluster_that_changed_meanwhile_shows_nothing():
    changed = copy.deepcopy(CROWD)
    changed["pods"][0]["count"] = 5
    finding = check_kube_state(EXPECT, history(stayed=changed))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason.endswith("kube_pod_container_info: first 10, then 11")


def test_too_small_a_crowd_shows_nothing():
    finding = check_kube_state(EXPECT.model_copy(update={"series_at_least": 71}), history())
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "70 series; the scenario needs 71")


def test_a_crowd_that_left_at_once_shows_nothing():
    crowd = EXPECT.model_copy(update={"scrape_interval": 300.0})
    assert check_kube_state(crowd, history()).reason == "the crowd did not stay for two scrapes"


@pytest.mark.parametrize(
    "drop", [("census", "come"), ("census", "stayed"), ("census", "gone"), ("families", "stayed"), ("families", "gone")]
)
def test_what_is_not_on_record_cannot_be_judged(drop):
    assert check_kube_state(EXPECT, history(drop=[drop])).verdict is Verdict.INCONCLUSIVE


def test_a_replica_that_does_not_answer_cannot_be_judged():
    silent = History(
        [
            record("families", **(one.data | {"counted": None}))
            if one.kind == "families" and one.data["source"] == CORES[1]
            else one
            for one in history().records
        ]
    )
    finding = check_kube_state(EXPECT, silent)
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert finding.reason == f"{CORES[1]} gave no answer about the time when the crowd had stayed"
