"""Single rules of the model that random cases rarely meet alone, and the cluster; all times in seconds."""

import math
from dataclasses import replace

import pytest

from fawkes.harness.oracle.alert_muting import Inhibitor, Silence
from fawkes.harness.oracle.alert_routing import labels_of, parse_config, parse_matcher
from fawkes.harness.oracle.notifications import Cluster, Peer, Post, predict_notifications

ROUTE = {
    "receiver": "r",
    "group_by": ["alertname"],
    "group_wait": "1s",
    "group_interval": "10s",
    "repeat_interval": "35s",
}
DOWN, SLOW = {"alertname": "Down"}, {"alertname": "Slow"}


def single(*, send_resolved=True, **route):
    hook = {"send_resolved": send_resolved}
    return parse_config({"route": ROUTE | route, "receivers": [{"name": "r", "webhook_configs": [hook]}]})


def life(labels, from_s, to_s):
    return [Post(from_s, labels, from_s, from_s + 1e6), Post(to_s, labels, from_s, to_s)]


def sent(*posts, until_s=100.0, config=None, **settings):
    config = config or single()
    found = predict_notifications(config, sorted(posts, key=lambda post: post.at_s), until_s=until_s, **settings)
    return [(round(one.at_s, 6), one.status, one.reason) for one in found]


def by_peer(*posts, cluster, until_s=100.0):
    return [
        (n.peer, n.at_s, n.status) for n in predict_notifications(single(), posts, until_s=until_s, cluster=cluster)
    ]


def test_first_repeated_and_resolved_at_the_groups_own_ticks():
    assert sent(*life(DOWN, 0, 58)) == [(1, "firing", "first"), (41, "firing", "repeat"), (61, "resolved", "resolved")]


def test_an_alert_that_ends_before_the_first_flush_is_never_told_of():
    assert sent(*life(DOWN, 0, 0.5)) == []


def test_a_repetition_that_is_due_at_a_flush_to_the_instant_hangs_on_who_is_late():
    every_30 = single(repeat_interval="30s")
    assert sent(Post(0, DOWN, 0, 1e6), config=every_30, until_s=45)[1:] == [(41, "firing", "repeat")]
    late = sent(Post(0, DOWN, 0, 1e6), config=every_30, until_s=45, flush_lag_s=0.001)
    assert late[1:] == [(31.004, "firing", "repeat")]


def test_without_send_resolved_the_end_is_noted_and_not_told():
    silent = single(send_resolved=False)
    reborn = [*life(DOWN, 0, 5), *life(DOWN, 12, 1e5)]
    assert sent(*reborn, config=silent, until_s=30) == [(1, "firing", "first"), (21, "firing", "changed")]


def test_one_that_ends_unheard_is_still_known_when_it_is_born_again():
    """Alertmanager 0.31.1 tells nobody of the second life until the repetition: its log says that it fires."""
    silence = Silence((parse_matcher("alertname = Down"),), 2, 15)
    assert sent(*life(DOWN, 0, 5), Post(20, DOWN, 20, 1e6), silences=[silence], until_s=50) == [
        (1, "firing", "first"),
        (41, "firing", "repeat"),
    ]


def test_an_empty_group_keeps_its_ticks_until_maintenance_takes_it_away():
    lives = [*life(DOWN, 0, 5), Post(12.5, DOWN, 12.5, 1e6)]
    assert sent(*lives, until_s=25, maintenance_s=30)[-1] == (21, "firing", "changed")
    assert sent(*lives, until_s=25, maintenance_s=12)[-1] == (13.5, "firing", "changed")


def test_an_alert_older_than_group_wait_is_told_of_at_once():
    assert sent(Post(0, DOWN, -60, 1e6), until_s=5) == [(0, "firing", "first")]


def test_a_post_that_alertmanager_would_refuse_is_a_mistake():
    with pytest.raises(ValueError, match="refuses"):
        sent(Post(0, DOWN, 5, 4))
    with pytest.raises(ValueError, match="without labels"):
        sent(Post(0, {"alertname": ""}))


def test_a_source_that_ended_hides_another_until_that_is_heard_of_again():
    rule = parse_config(
        {
            "route": ROUTE,
            "inhibit_rules": [{"source_matchers": ["severity = page"], "target_matchers": ["severity = warn"]}],
            "receivers": [],
        }
    ).inhibit_rules
    first, second = (labels_of({"severity": "page", "job": job}) for job in "ab")
    inhibitor, target = Inhibitor(rule), labels_of({"severity": "warn"})
    inhibitor.hear(first, 100)
    inhibitor.hear(second, 90)
    inhibitor.hear(first, 10)
    assert not inhibitor.mutes(target, 20)
    inhibitor.hear(second, 91)
    assert inhibitor.mutes(target, 20)


A, B = Peer("a", [(-math.inf, 0.0)]), Peer("b", [(-math.inf, 3.0)])


def test_in_a_cluster_the_first_in_order_sends_and_the_others_hear_of_it_in_time():
    assert by_peer(*life(DOWN, 0, 5), cluster=Cluster([A, B], gossip_s=0.2)) == [
        ("a", 1, "firing"),
        ("a", 11, "resolved"),
    ]


def test_replicas_that_do_not_hear_each_other_both_send_and_once_they_do_only_one():
    cluster = Cluster([A, B], gossip_s=0.2, cut=[(0, 20)])
    assert by_peer(*life(DOWN, 0, 15), cluster=cluster) == [
        ("a", 1, "firing"),
        ("b", 4, "firing"),
        ("a", 21, "resolved"),
    ]


def test_what_is_posted_to_one_replica_the_other_does_not_know():
    to_b = [replace(post, peer="b") for post in life(DOWN, 0, 15)]
    assert by_peer(*to_b, cluster=Cluster([A, B])) == [("b", 4, "firing"), ("b", 24, "resolved")]


def test_gossip_slower_than_the_peer_timeout_makes_two_of_one():
    assert [who for who, *_ in by_peer(Post(0, DOWN, 0, 1e6), cluster=Cluster([A, B], gossip_s=4), until_s=10)] == [
        "a",
        "b",
    ]


def test_when_the_first_dies_the_second_goes_on_without_a_gap_and_without_saying_it_again():
    cluster = Cluster(
        [Peer("a", [(-math.inf, 0.0), (8, None)]), Peer("b", [(-math.inf, 3.0), (10, 0.0)])], gossip_s=0.2
    )
    assert by_peer(*life(DOWN, 0, 15), cluster=cluster) == [("a", 1, "firing"), ("b", 21, "resolved")]


def test_one_that_comes_back_learns_from_the_others_what_was_sent():
    back = Peer("a", [(-math.inf, 0.0), (8, None), (12, 0.0)])
    posts = [Post(0, DOWN, 0, 1e6), Post(13, DOWN, 0, 1e6)]
    assert by_peer(*posts, cluster=Cluster([back, B], gossip_s=0.2), until_s=30) == [("a", 1, "firing")]
