import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Objects
from fawkes.harness.operator.selectors import matches, selected


@pytest.mark.parametrize(
    ("selector", "labels", "expected"),
    [
        (None, {}, False),
        (None, {"a": "1"}, False),
        ({}, {}, True),
        ({}, {"a": "1"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "1"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {"a": "2"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        (
            {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]},
            {"a": "1"},
            False,
        ),
    ],
)
def test_label_selectors_as_kubernetes_has_them(selector, labels, expected):
    assert matches(selector, labels) is expected


def test_an_unknown_operator_is_refused():
    with pytest.raises(UsageError, match="'Near' is no label selector operator"):
        matches({"matchExpressions": [{"key": "a", "operator": "Near"}]}, {})


def thing(kind, name, namespace="", **labels):
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels}}


OBJECTS = Objects(
    (
        thing("Namespace", "here", tier="a"),
        thing("Namespace", "there", tier="b"),
        thing("Rule", "one", "here", pick="yes"),
        thing("Rule", "two", "there", pick="yes"),
        thing("Rule", "three", "there"),
    )
)


@pytest.mark.parametrize(
    ("selector", "namespace_selector", "expected"),
    [
        ({}, None, ["one"]),
        ({}, {}, ["one", "three", "two"]),
        (None, {}, []),
        ({"matchLabels": {"pick": "yes"}}, {}, ["one", "two"]),
        ({}, {"matchLabels": {"tier": "b"}}, ["three", "two"]),
        ({}, {"matchLabels": {"kubernetes.io/metadata.name": "there"}}, ["three", "two"]),
        ({}, {"matchLabels": {"tier": "c"}}, []),
    ],
)
def test_without_a_namespace_selector_only_the_own_namespace_counts(selector, namespace_selector, expected):
    owner = thing("Prometheus", "p", "here")
    found = selected(OBJECTS, "Rule", owner=owner, selector=selector, namespace_selector=namespace_selector)
    assert [one["metadata"]["name"] for one in found] == expected
