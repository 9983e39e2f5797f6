"""What looks like production, and what doesn't."""

import pytest

from fawkes.harness.providers.existing.production import Sight, signs

TOY = {
    "context": "kind-mine",
    "cluster": "kind-mine",
    "user": "kind-mine",
    "server": "https://127.0.0.1:6443",
    "nodes": 1,
    "namespaces": 4,
    "age_days": 0.5,
    "labels": {"kubernetes.io/hostname": "mine-control-plane"},
}


def told(**other):
    return signs(Sight(**{**TOY, **other}))


def test_a_small_young_cluster_on_this_machine_is_one_to_try_things_in():
    assert told() == []


@pytest.mark.parametrize("server", ["https://localhost:1", "https://127.8.0.1:1", "https://[::1]:6443"])
def test_this_machine_has_several_names(server):
    assert told(server=server) == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"context": "prod"}, "its context is called prod"),
        ({"cluster": "eu-PROD-2"}, "its cluster is called eu-PROD-2"),
        ({"user": "admin@live"}, "its user is called admin@live"),
        ({"server": "https://api.production.example:443"}, "its server is called https://api.production.example:443"),
        ({"server": "https://10.0.0.1:6443"}, "https://10.0.0.1:6443 is not on this machine"),
        ({"labels": {"env": "prd"}}, "something in it has the label env=prd"),
        ({"nodes": 11}, "it has 11 nodes"),
        ({"namespaces": 31}, "it has 31 namespaces"),
        ({"age_days": 400.0}, "it is 400 days old"),
    ],
)
def test_each_sign_is_a_reason_of_its_own(other, reason):
    assert reason in told(**other)


@pytest.mark.parametrize("name", ["product-demo", "delivery", "nonprod", "non-prod", "pre-prod", "reproduce", "oliver"])
def test_a_word_that_only_contains_it_is_none(name):
    assert told(context=name) == []


def test_all_reasons_are_told_at_once():
    assert len(told(context="prod", server="https://10.0.0.1", nodes=50)) == 3


def test_a_cluster_whose_age_nobody_may_see_is_judged_by_the_rest():
    assert told(age_days=None) == []
