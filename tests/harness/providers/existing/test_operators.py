"""Which operator looks after a guest's namespaces: theirs, one of ours, or none."""

import pytest

from fawkes.harness.providers.existing.operators import KINDS, Operator, decide, operators

OURS = ["alice-fawkes-dojo", "alice-fawkes-monitoring"]
DEFINED = dict.fromkeys(KINDS, "0.85.0")


def deployment(image, *args, command=()):
    container = {"name": "c", "image": image, "args": list(args), "command": list(command)}
    return {
        "kind": "Deployment",
        "metadata": {"namespace": "monitoring", "name": "po"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/prometheus-operator/prometheus-operator:v0.85.0",
        "registry.example:5000/mirror/prometheus-operator:v0.85.0@sha256:0123",
    ],
)
def test_an_operator_is_known_by_its_image_wherever_that_is_pulled_from(image):
    (found,) = operators(
        [deployment(image), deployment("quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0")]
    )
    assert found == Operator("monitoring/po", "v0.85.0", None)


@pytest.mark.parametrize(
    ("args", "watched"),
    [
        ((), {"a": True, "b": True}),
        (("--namespaces=a,c",), {"a": True, "b": False}),
        (("--namespaces", "a"), {"a": True, "b": False}),
        (("--deny-namespaces=b",), {"a": True, "b": False}),
        (("--prometheus-instance-namespaces=b",), {"a": False, "b": True}),
        (("--namespaces=a,b", "--alertmanager-instance-namespaces=b"), {"a": False, "b": True}),
    ],
)
def test_its_flags_say_where_it_looks(args, watched):
    (found,) = operators([deployment("x/prometheus-operator:v0.85.0", *args)])
    assert {name: found.watches(name) for name in ("a", "b")} == watched


def watching(*names, name="theirs"):
    return Operator(name, "v0.85.0", frozenset(names) or None)


def test_an_operator_that_watches_everything_is_used():
    verdict = decide(DEFINED, [watching()], OURS, install=False)
    assert (verdict.obstacle, verdict.install, verdict.define) == (None, False, False)
    assert "it is used" in verdict.found


def test_none_at_all_is_an_obstacle_unless_one_may_be_installed():
    assert "--install-operator" in decide({}, [], OURS, install=False).obstacle
    verdict = decide({}, [], OURS, install=True)
    assert (verdict.obstacle, verdict.install, verdict.define) == (None, True, True)


def test_beside_one_that_looks_elsewhere_ours_uses_its_definitions():
    assert "--install-operator" in decide(DEFINED, [watching("other")], OURS, install=False).obstacle
    verdict = decide(DEFINED, [watching("other")], OURS, install=True)
    assert (verdict.obstacle, verdict.install, verdict.define) == (None, True, False)


def test_two_that_would_quarrel_are_refused():
    assert "leave out --install-operator" in decide(DEFINED, [watching()], OURS, install=True).obstacle
    two = [watching(name="one"), watching(name="two")]
    assert "let one operator watch" in decide(DEFINED, two, OURS, install=False).obstacle


@pytest.mark.parametrize("install", [False, True])
def test_one_that_watches_only_some_of_ours_is_an_obstacle(install):
    assert "let one operator watch all" in decide(DEFINED, [watching(OURS[0])], OURS, install=install).obstacle


@pytest.mark.parametrize("install", [False, True])
def test_definitions_that_are_old_or_not_all_there_are_left_to_their_owner(install):
    old = decide(dict.fromkeys(KINDS, "0.70.0"), [watching()], OURS, install=install)
    assert "0.85 or newer" in old.obstacle
    part = decide({"Prometheus": "0.85.0"}, [], OURS, install=install)
    assert "ServiceMonitor" in part.obstacle
    assert not old.install
    assert not part.define


def test_definitions_without_a_version_are_believed():
    assert decide(dict.fromkeys(KINDS), [watching()], OURS, install=False).obstacle is None
