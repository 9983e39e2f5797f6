"""The oracle against a running Alertmanager: random configurations and alerts, every message predicted, none besides.

All cases run at once, kept apart by the label `case`: in one Alertmanager, and in a pair that gossips. Each is drawn until it is decided: nothing
about its messages changes when everything that is posted, and every timer, comes up to SLACK_S late. Then the planned
times are posted, and what arrives must be the prediction, no more than SLACK_S late.
"""

import dataclasses
import itertools
import math
import random
import re
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from fawkes.harness.eventually import RealClock, poll_for
from fawkes.harness.oracle import alert_muting, notifications
from fawkes.harness.oracle.alert_muting import Silence
from fawkes.harness.oracle.alert_routing import Matcher, Route, labels_of, parse_config
from fawkes.harness.oracle.notifications import Cluster, Peer, Post, predict_notifications

CASES = {"alone": 40, "pair": 15}
SEED = 4
PEER_TIMEOUT_S = 0.6
CLUSTERS = {
    "alone": Cluster(),
    "pair": Cluster([Peer("a", [(-math.inf, 0.0)]), Peer("b", [(-math.inf, PEER_TIMEOUT_S)])], gossip_s=0.05),
}
HORIZON_S = 8.0
SLACK_S = 0.25
"""A post takes 2 ms and a flush 1 ms on an idle core; the rest is for a machine on which others work too."""
MAINTENANCE_S = 2.0
"""So that some groups are still there when their alert is born again, and others are not."""
RECEIVERS = {"all": [True], "firing-only": [False], "both": [True, False]}


def draw_route(rng, case):
    """The subtree of one case: its own timers and grouping, and children told apart by severity."""
    timers = {"group_wait": rng.choice(["300ms", "700ms"]), "group_interval": rng.choice(["900ms", "1300ms"])}
    timers["repeat_interval"] = rng.choice(["2100ms", "3s", "1h"])
    route = {"matchers": [f'case = "{case}"'], "receiver": rng.choice(list(RECEIVERS)), "group_by": ["case"], **timers}
    route["group_by"] = rng.choice([["case"], ["case", "zone"], ["case", "alertname"], ["..."]])
    # Siblings that match alike would share their log and race each other for it.
    matchers = ['severity = "page"', 'severity =~ "page|warn"', 'severity != "page"']
    route["routes"] = [
        {
            "matchers": [matcher],
            "receiver": rng.choice(list(RECEIVERS)),
            "continue": rng.random() < 0.5,
            **({"group_wait": "500ms"} if rng.random() < 0.3 else {}),
            **({"group_by": ["case", "severity"]} if rng.random() < 0.3 else {}),
        }
        for matcher in rng.sample(matchers, rng.randint(0, 3))
    ]
    return route


def draw_posts(rng, case):
    """A few alerts, each with its own life: told of again and again, ended, left to time out, born again."""
    for name, severity, zone in rng.sample(
        list(itertools.product(("Down", "Slow"), ("page", "warn", "info"), ("a", "b", ""))), rng.randint(1, 4)
    ):
        labels = {"case": case, "alertname": name, "severity": severity, "zone": zone}
        at_s = rng.uniform(0, 3)
        for _ in range(rng.randint(1, 2)):
            starts_s, ends_s = at_s, at_s + rng.uniform(0.5, 4)
            style = rng.choice(["told", "two tellers", "timeout", "old"])
            if style == "timeout":
                yield Post(at_s, labels)
            else:
                starts_s -= 10 if style == "old" else 0
                yield Post(at_s, labels, starts_s, at_s + 60)
                between_s = (at_s + ends_s) / 2
                sooner_s = between_s + 0.3 if style == "two tellers" else at_s + 60  # does not make it end sooner
                yield Post(between_s, labels, starts_s, sooner_s)
                yield Post(ends_s, labels, starts_s, ends_s)
            at_s = ends_s + rng.uniform(0.3, 2)


def draw_silence(rng, case):
    starts_s = rng.uniform(0, 3)
    matcher = rng.choice([Matcher("alertname", "=", "Down"), Matcher("severity", "=~", "page|info")])
    return Silence((Matcher("case", "=", case), matcher), starts_s, starts_s + rng.uniform(1, 3))


@dataclasses.dataclass(frozen=True)
class Case:
    route: dict
    posts: list
    silences: list
    cluster: Cluster

    def predict(self, *, rng=None, lag_s=0.0, started_s=0.0, cluster=None):
        def late(at_s):
            return at_s + (rng.uniform(0, SLACK_S) if rng else 0)

        posts = [dataclasses.replace(post, at_s=late(post.at_s)) for post in self.posts]
        silences = [dataclasses.replace(s, starts_s=late(s.starts_s), ends_s=late(s.ends_s)) for s in self.silences]
        config = parse_config(config_of([self]))
        return streams(
            predict_notifications(
                config,
                sorted(posts, key=lambda post: post.at_s),
                silences=silences,
                until_s=HORIZON_S,
                maintenance_s=MAINTENANCE_S,
                started_s=started_s,
                flush_lag_s=lag_s,
                cluster=cluster or self.cluster,
            )
        )

    def is_decided(self, rng):
        expected = self.predict()
        late = [
            self.predict(
                rng=rng,
                lag_s=rng.choice([0, 0.004, 0.01]),
                started_s=rng.uniform(-SLACK_S, SLACK_S),
                cluster=dataclasses.replace(self.cluster, gossip_s=rng.uniform(0, 0.3)),
            )
            for _ in range(12)
        ]
        return expected and all(is_same(expected, seen, late_s=2 * SLACK_S) for seen in late)


def config_of(cases):
    """One alertmanager.yaml for all of them; what no case takes goes nowhere."""
    return {
        "global": {"resolve_timeout": "2s"},
        "route": {"receiver": "nobody", "routes": [case.route for case in cases]},
        "inhibit_rules": [
            {
                "source_matchers": ['severity = "page"'],
                "target_matchers": ['severity =~ "warn|info"', 'alertname = "Slow"'],
                "equal": ["case", "zone"],
            },
            {"source_matchers": ['zone = "a"'], "target_matchers": ['zone =~ "a|b"'], "equal": ["case", "alertname"]},
        ],
        "receivers": [
            {"name": "nobody"},
            *(
                {
                    "name": name,
                    "webhook_configs": [{"url": f"/{name}/{i}", "send_resolved": r} for i, r in enumerate(s)],
                }
                for name, s in RECEIVERS.items()
            ),
        ],
    }


def streams(messages):
    """(integration, group) -> its messages: time, firing, resolved."""
    found = defaultdict(list)
    for one in messages:
        key = f"/{one.integration.receiver}/{one.integration.index}"
        found[key, one.group].append((one.at_s, one.firing, one.resolved))
    return dict(found)


def is_same(expected, seen, *, late_s):
    if expected.keys() != seen.keys():
        return False
    return all(
        [one[1:] for one in messages] == [one[1:] for one in seen[key]]
        and all(0 <= after[0] - before[0] <= late_s for before, after in zip(messages, seen[key], strict=True))
        for key, messages in expected.items()
    )


def draw_cases(setting):
    rng = random.Random(SEED)
    for case in map(str, range(CASES[setting])):
        while True:
            posts = list(draw_posts(rng, case))
            silences = [draw_silence(rng, case)] if rng.random() < 0.4 else []
            drawn = Case(draw_route(rng, case), posts, silences, CLUSTERS[setting])
            if drawn.is_decided(rng):
                yield drawn
                break


def heard_streams(received, case, began_s):
    """As `streams` has it, of what one case was answered with."""
    found = defaultdict(list)
    for at_s, path, message in received:
        if message["alerts"][0]["labels"]["case"] == case and at_s < began_s + HORIZON_S:
            firing, resolved = (
                frozenset(labels_of(a["labels"]) for a in message["alerts"] if a["status"] == status)
                for status in ("firing", "resolved")
            )
            found[path, labels_of(message["groupLabels"])].append((at_s - began_s, firing, resolved))
    return dict(found)


def next_maintenance(log):
    """When the groups are maintained next: the dispatcher starts just before this line is logged."""
    (loaded,) = (line for line in log.read_text().splitlines() if "Completed loading of configuration file" in line)
    started_s = datetime.fromisoformat(re.search(r"time=(\S+)", loaded)[1]).timestamp()
    return started_s + MAINTENANCE_S * (1 + (time.time() - started_s) // MAINTENANCE_S)


def instant(at_s):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)) + f".{round(at_s % 1 * 1e6) % 1000000:06d}Z"


def body_of(post, began_s):
    times = {"startsAt": post.starts_s, "endsAt": post.ends_s}
    return {"labels": post.labels, **{k: instant(began_s + at_s) for k, at_s in times.items() if at_s is not None}}


def play(cases, urls, began_s):
    """Post every alert at its time to all, and the silences to one; how late the last to leave was."""
    steps = [(post.at_s, "/api/v2/alerts", [body_of(post, began_s)]) for case in cases for post in case.posts]
    for silence in [silence for case in cases for silence in case.silences]:
        matchers = [
            {"name": m.name, "value": m.value, "isRegex": "~" in m.op, "isEqual": True} for m in silence.matchers
        ]
        times = {"startsAt": instant(began_s + silence.starts_s), "endsAt": instant(began_s + silence.ends_s)}
        steps.append(
            (0.0, "/api/v2/silences", {"matchers": matchers, **times, "createdBy": "test", "comment": "drawn"})
        )
    clock, worst_s = RealClock(), 0.0
    with httpx.Client(trust_env=False) as http:
        for at_s, path, body in sorted(steps, key=lambda step: step[0]):
            poll_for(began_s + at_s - time.time(), every_s=1, clock=clock)
            for url in urls if path.endswith("alerts") else urls[:1]:
                http.post(url + path, json=body).raise_for_status()
            worst_s = max(worst_s, time.time() - began_s - at_s)
    poll_for(began_s + HORIZON_S - time.time(), every_s=1, clock=clock)
    return worst_s


def play_setting(alertmanagers, setting, directory):
    """The cases, what each was answered with, and by how much the last post was late."""
    cases = list(draw_cases(setting))
    names = [peer.name for peer in CLUSTERS[setting].peers]
    flags = [
        f"--dispatch.maintenance-interval={MAINTENANCE_S:g}s",
        f"--cluster.peer-timeout={round(PEER_TIMEOUT_S * 1000)}ms",
    ]
    with alertmanagers(directory, names, config_of(cases), flags) as (urls, received):
        began_s = next_maintenance(directory / f"{names[0]}.txt")
        worst_s = play(cases, urls, began_s)
    return cases, [heard_streams(received, str(index), began_s) for index in range(len(cases))], worst_s


@pytest.fixture(scope="module")
def played(alertmanagers, tmp_path_factory):
    """Setting -> what `play_setting` gives; both at once."""
    with ThreadPoolExecutor(len(CLUSTERS)) as pool:
        running = {
            name: pool.submit(play_setting, alertmanagers, name, tmp_path_factory.mktemp(name)) for name in CLUSTERS
        }
        return {name: future.result() for name, future in running.items()}


def wrong_cases(played, **predicted):
    """The cases in which what was heard isn't what is predicted."""
    cases, heard, _ = played
    both = zip(cases, heard, strict=True)
    return [case for case, seen in both if not is_same(case.predict(**predicted), seen, late_s=SLACK_S)]


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize("setting", CLUSTERS)
def test_every_message_is_predicted_and_none_besides(played, setting):
    _, heard, worst_s = played[setting]
    assert worst_s < SLACK_S, "the machine is too busy to post in time"
    assert wrong_cases(played[setting]) == []
    assert sum(len(messages) for seen in heard for messages in seen.values()) > 50


WRONG_CLUSTERS = {
    "nobody waits": Cluster([Peer("a"), Peer("b")], gossip_s=0.05),
    "nobody hears": dataclasses.replace(CLUSTERS["pair"], cut=[(-1.0, HORIZON_S)]),
    "the gossip is slow": dataclasses.replace(CLUSTERS["pair"], gossip_s=1.0),
}


@pytest.mark.platform
@pytest.mark.parametrize("wrong", WRONG_CLUSTERS)
def test_a_wrong_cluster_is_noticed(played, wrong):
    assert wrong_cases(played["pair"], cluster=WRONG_CLUSTERS[wrong]) != []


def without(reason):
    return lambda told: lambda *args: None if told(*args) == reason else told(*args)


def with_own_marker(equal):
    """As if a label that is missing could not be equal to anything."""
    return lambda rule, labels: (
        equal(rule, labels) | ({("", str(labels))} if len(equal(rule, labels)) < len(rule.equal) else set())
    )


WRONG_MODELS = {
    "only the first route is taken": (Route, "reached_by", lambda reached: lambda *args: reached(*args)[:1]),
    "groups have all labels": (Route, "group_of", lambda _: lambda route, labels: labels),
    "nothing is inhibited": (alert_muting.Inhibitor, "mutes", lambda _: lambda *args: False),
    "missing labels differ": (alert_muting, "_equal", with_own_marker),
    "a source inhibits itself": (
        alert_muting.Inhibitor,
        "_has_source",
        lambda _: (
            lambda self, i, rule, labels, at_s: any(
                alert_muting.all_match(rule.sources, s)
                and at_s < e
                and alert_muting._equal(rule, s) == alert_muting._equal(rule, labels)
                for s, e in self._ends_s.items()
            )
        ),
    ),
    "nothing is silenced": (Silence, "mutes", lambda _: lambda *args: False),
    "empty groups are gone at once": (notifications._Maintenance, "ran_between", lambda _: lambda *args: True),
    "empty groups stay": (notifications._Maintenance, "ran_between", lambda _: lambda *args: False),
    "ended alerts stay": (notifications._Group, "drop", lambda _: lambda *args: None),
    "a post replaces what was known": (notifications._Alert, "merged_into", lambda _: lambda known, new: new),
    "old alerts wait too": (
        notifications,
        "_alert",
        lambda alert: lambda post, *args: dataclasses.replace(alert(post, *args), starts_s=post.at_s),
    ),
    "nothing times out": (notifications, "_alert", lambda alert: lambda post, timeout_s: alert(post, 60)),
    "nothing is repeated": (notifications, "_reason", without("repeat")),
    "new alerts wait for the repetition": (notifications, "_reason", without("changed")),
    "the end is not told": (notifications, "_reason", without("resolved")),
    "nothing is remembered": (notifications, "_reason", lambda reason: lambda last, *args: reason(None, *args)),
}


@pytest.mark.platform
@pytest.mark.parametrize("wrong", WRONG_MODELS)
def test_a_wrong_model_is_noticed(played, monkeypatch, wrong):
    owner, name, change = WRONG_MODELS[wrong]
    monkeypatch.setattr(owner, name, change(getattr(owner, name)))
    assert wrong_cases(played["alone"]) != []
