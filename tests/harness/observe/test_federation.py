"""What is recorded of two clusters: every sample of each Prometheus, and of Thanos Query once it shows both."""

from fawkes.harness.checks.federation import FederationExpectation
from fawkes.harness.observe.federation import observe_federation

EXPECT = FederationExpectation.model_validate(
    {
        "name": "both",
        "metric": "seconds",
        "members": [
            {"cluster": "fawkes", "app": "prometheus-core", "exposed_part": "jenkins-0"},
            {"cluster": "dojo", "app": "prometheus-learner", "exposed_part": "dojo-lab-0"},
        ],
        "cut_app": "prometheus-learner",
        "within": "2s",
    }
)
QUERY = "seconds{}[60s]"


def row(cluster):
    return {"metric": {"cluster": cluster}, "values": [[60.0, "1"]]}


def test_each_prometheus_is_read_and_thanos_query_until_it_shows_both(world, part):
    part("prometheus-core-0").answers(QUERY, [row("fawkes")])
    part("prometheus-learner-0").answers(QUERY, [row("dojo")])
    thanos = part("thanos-query-0")
    thanos.answers(QUERY, [row("fawkes")], [row("fawkes"), row("dojo")])
    observe_federation(EXPECT, world, world.record)
    assert [(one["stage"], one["source"], one["value"]) for one in world.recorded("value")] == [
        ("prometheus", "prometheus-core-0", 1),
        ("prometheus", "prometheus-learner-0", 1),
        ("thanos", "thanos-query-0", 2),
    ]
    assert [one["labels"]["cluster"] for one in world.recorded("series")] == ["fawkes", "dojo", "fawkes", "dojo"]
    assert thanos.params_of(QUERY) == [{"dedup": "true", "partial_response": "false"}] * 2


def test_what_is_shown_when_time_is_up_is_recorded_and_silence_too(world, part, nobody):
    part("prometheus-core-0").answers(QUERY, [row("fawkes")])
    world.urls |= {"prometheus-learner-0": nobody}
    part("thanos-query-0").answers("seconds{}[62s]", [row("fawkes")])
    observe_federation(EXPECT, world, world.record)
    assert [one["value"] for one in world.recorded("value")] == [1, None, 1]
