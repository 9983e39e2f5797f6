"""What a scenario's platform is made of, where that is more than its files."""

from fawkes.harness.blueprint import apart
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM


def test_a_dojo_with_a_cluster_of_its_own_calls_itself_otherwise_and_differs_in_nothing_else():
    shipped = load_objects(PLATFORM)
    changed = [(one, other) for one, other in zip(shipped, apart(shipped), strict=True) if one != other]
    ((learner, there),) = changed
    labels = there["spec"]["externalLabels"]
    assert (learner["metadata"]["name"], labels) == (
        "learner",
        {**learner["spec"]["externalLabels"], "cluster": "dojo"},
    )
    others = {
        one["spec"]["externalLabels"]["cluster"]
        for one in shipped.of("Prometheus")
        if one["metadata"]["name"] != "learner"
    }
    assert "dojo" not in others
    assert {**there, "spec": {**there["spec"], "externalLabels": learner["spec"]["externalLabels"]}} == learner
