import pytest

from fawkes.harness.oracle.alert_routing import Matcher, labels_of, parse_config, parse_matcher

RECEIVERS = [
    {"name": "all", "slack_configs": [{}, {"send_resolved": True}]},
    {"name": "page", "pagerduty_configs": [{}]},
]


def tree(*routes, **root):
    return parse_config({"route": {"receiver": "all", "routes": list(routes), **root}, "receivers": RECEIVERS})


def reached(config, **labels):
    return [route.path for route in config.route.reached_by(labels_of(labels))]


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('severity = "critical"', Matcher("severity", "=", "critical")),
        ("severity=critical", Matcher("severity", "=", "critical")),
        ('team =~ "a|b"', Matcher("team", "=~", "a|b")),
        ('team!~"a.*"', Matcher("team", "!~", "a.*")),
        (r'path != "C:\\x \"y\""', Matcher("path", "!=", r'C:\x "y"')),
        ('team = ""', Matcher("team", "=", "")),
    ],
)
def test_a_matcher_is_read(text, matcher):
    assert parse_matcher(text) == matcher


@pytest.mark.parametrize("text", ["severity", "severity == x", '{a="b"}', 'a="b",c="d"', 'a = "b" c'])
def test_what_is_no_matcher_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="is no matcher; write for example"):
        parse_matcher(text)


def test_a_label_that_is_missing_counts_as_empty():
    assert parse_matcher('team = ""').matches(labels_of({"job": "x"}))
    assert parse_matcher('team != "a"').matches(labels_of({}))
    assert not parse_matcher('team =~ ".+"').matches(labels_of({"team": ""}))


def test_a_regular_expression_must_match_the_whole_value():
    assert not parse_matcher('team =~ "plat"').matches(labels_of({"team": "platform"}))


def test_the_first_child_that_matches_takes_the_alert_unless_it_says_continue():
    one, two = {"matchers": ["a = b"]}, {"matchers": ["a =~ .+"]}
    assert reached(tree(one, two), a="b") == [(0,)]
    assert reached(tree({**one, "continue": True}, two), a="b") == [(0,), (1,)]


def test_continue_of_a_child_that_does_not_match_changes_nothing():
    assert reached(tree({"matchers": ["a = c"], "continue": True}, {"matchers": ["a = b"]}), a="b") == [(1,)]


def test_an_alert_that_no_child_takes_stays_with_the_parent():
    assert reached(tree({"matchers": ["a = b"], "routes": [{"matchers": ["c = d"]}]}), a="b") == [(0,)]
    assert reached(tree({"matchers": ["a = b"]}), a="x") == [()]


def test_children_inherit_receiver_grouping_and_timers_and_an_empty_group_by_too():
    config = tree({"matchers": ["a = b"], "group_by": [], "group_wait": "1s"}, group_by=["team"], repeat_interval="1h")
    (child,) = config.route.routes
    assert (child.receiver, child.group_by) == ("all", {"team"})
    assert (child.group_wait_s, child.group_interval_s, child.repeat_interval_s) == (1.0, 300.0, 3600.0)


def test_three_dots_group_by_all_labels():
    labels = labels_of({"a": "b", "c": "d"})
    assert tree(group_by=["..."]).route.group_of(labels) == labels
    assert tree(group_by=["c"]).route.group_of(labels) == labels_of({"c": "d"})
    assert tree().route.group_of(labels) == frozenset()


def test_who_tells_of_the_end_where_the_file_does_not_say():
    config = tree()
    assert [one.send_resolved for one in config.integrations["all"]] == [False, True]
    assert [one.send_resolved for one in config.integrations["page"]] == [True]


def test_an_address_is_filled_in_from_the_groups_labels():
    channels = ['{{ or .GroupLabels.team "platform" }}-alerts', "{{ .GroupLabels.team }}", "all"]
    receiver = {"name": "r", "slack_configs": [{"channel": channel} for channel in channels]}
    integrations = parse_config({"route": {"receiver": "r"}, "receivers": [receiver]}).integrations["r"]
    assert [one.address_for(labels_of({"team": "search"})) for one in integrations] == [
        "search-alerts",
        "search",
        "all",
    ]
    assert [one.address_for(labels_of({})) for one in integrations] == ["platform-alerts", "", "all"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"routes": [{"match": {"a": "b"}}]}, r"route.routes\[0\] has match, which the oracle does not model"),
        ({"mute_time_intervals": ["nights"]}, "route has mute_time_intervals"),
        ({"routes": [{"routes": [{"matchers": ["a"]}]}]}, r"route.routes\[0\].routes\[0\] matchers: 'a' is no matcher"),
        ({"group_wait": "1 minute"}, "'1 minute' is not a duration"),
    ],
)
def test_what_the_oracle_cannot_read_is_refused_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        tree(**change)


def test_a_receiver_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="receiver x has telegram_configs; the oracle knows webhook, pagerduty"):
        parse_config({"route": {"receiver": "x"}, "receivers": [{"name": "x", "telegram_configs": [{}]}]})
