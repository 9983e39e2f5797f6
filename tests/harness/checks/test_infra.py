"""A look inside parts, judged from hand-made histories."""

import pytest
from pydantic import ValidationError

from fawkes.harness.checks.infra import InfraExpectation, check_infra
from fawkes.harness.model import History, Record, Stage, Verdict

SEEN = {
    "binary": {"pinned": "3.13.5", "version": "3.13.5", "accepted": True},
    "flags": {"keep": ["30d"], "many": ["20"], "on": [True], "danger": []},
    "listens": {"ports": {"http": 9090}, "sockets": [["127.0.0.1", 9090], ["::1", 9090]], "own_network": False},
    "non_root": [65534],
    "read_only_root": "ro",
    "hides_secrets": {"looked_for": 20, "words": 12, "shown": []},
    "files": {"it.yaml": {"mode": "0640", "owner": 65534}, "/tmp/old": None},
    "mounts": {"/data": "rw", "/token": "none"},
}
DEMANDS = {
    "binary": "prometheus",
    "flags": {"keep": "30d", "many": 20, "on": True, "danger": False},
    "listens": ["http"],
    "non_root": True,
    "read_only_root": True,
    "hides_secrets": True,
    "files": [{"path": "it.yaml", "at_most": "0640", "owner": 65534}, {"path": "/tmp/old", "exists": False}],
    "mounts": {"/data": "rw", "/token": "none"},
}
PARTS = ("core-0", "core-1")


def expect(**demands):
    return InfraExpectation.model_validate({"name": "inside", "apps": ["core"], **demands})


def history(demands, part=None, **changes):
    """Both replicas show SEEN; `part`, or both, with changes."""
    records = []
    for name in PARTS:
        for demand in demands:
            about = {"expectation": "inside", "stage": "part", "source": name, "app": "core", "demand": demand}
            seen = changes.get(demand, SEEN[demand]) if part in (None, name) else SEEN[demand]
            outcome = {"trouble": seen.args[0]} if isinstance(seen, Exception) else {"seen": seen}
            records.append(Record(1.0, 1.0, "inside", {**about, **outcome}))
    return History(records)


def judge(demand, seen, part=None, **demanded):
    return check_infra(expect(**(demanded or {demand: DEMANDS[demand]})), history([demand], part, **{demand: seen}))


def test_everything_that_is_as_demanded_passes_on_every_replica():
    finding = check_infra(expect(**DEMANDS), history(SEEN))
    assert (finding.verdict, finding.stage) == (Verdict.PASS, None), finding.reason
    assert finding.reason == "32 demands on 2 parts are met"
    assert {line.source for line in finding.evidence} == set(PARTS)
    assert finding.observed["core-1 --keep"] == "30d"


@pytest.mark.parametrize("demand", DEMANDS)
def test_each_demand_can_be_made_alone(demand):
    assert expect(**{demand: DEMANDS[demand]}).demands == (demand,)
    assert judge(demand, SEEN[demand]).verdict is Verdict.PASS


WRONG = [
    ("binary", {"pinned": "3.13.5", "version": "3.9.1", "accepted": False}, "runs prometheus 3.9.1, pinned is 3.13.5"),
    ("binary", {"pinned": "3.13.5", "version": None, "accepted": False}, "what runs tells no version of prometheus, pinned is 3.13.5"),
    ("flags", {**SEEN["flags"], "keep": ["29d"]}, "--keep is 29d instead of 30d"),
    ("flags", {**SEEN["flags"], "keep": []}, "--keep is not given instead of 30d"),
    ("flags", {**SEEN["flags"], "keep": ["30d", "1d"]}, "--keep is given as 30d, 1d instead of 30d"),
    ("flags", {**SEEN["flags"], "on": []}, "--on is not given instead of given without a value"),
    ("flags", {**SEEN["flags"], "danger": [True]}, "--danger is given without a value instead of not given"),
    ("flags", {**SEEN["flags"], "danger": ["yes"]}, "--danger is yes instead of not given"),
    ("listens", {**SEEN["listens"], "sockets": [["127.0.0.1", 9090], ["127.0.0.1", 9094]]}, "listens on 9090, 9094, not on 9090"),
    ("listens", {**SEEN["listens"], "sockets": []}, "listens on nothing, not on 9090"),
    ("listens", {**SEEN["listens"], "sockets": [["0.0.0.0", 9090]]}, "listens on 0.0.0.0 port 9090, which other machines may reach"),
    ("listens", {**SEEN["listens"], "sockets": [["::", 9090]]}, "listens on :: port 9090, which other machines may reach"),
    ("non_root", [0, 65534], "a process of it runs as root"),
    ("read_only_root", "rw", "its root file system can be written to"),
    (
        "hides_secrets",
        {**SEEN["hides_secrets"], "shown": [{"secret": "smtp-password", "where": "variable PASS"}]},
        "shows smtp-password in variable PASS to whoever may look at its processes",
    ),
    ("files", {**SEEN["files"], "it.yaml": None}, "it.yaml is not there"),
    ("files", {**SEEN["files"], "/tmp/old": {"mode": "0600", "owner": 0}}, "/tmp/old is there"),
    ("files", {**SEEN["files"], "it.yaml": {"mode": "0644", "owner": 65534}}, "it.yaml has mode 0644, at most 0640 is allowed"),
    ("files", {**SEEN["files"], "it.yaml": {"mode": "0600", "owner": 0}}, "it.yaml belongs to user 0, not 65534"),
    ("mounts", {**SEEN["mounts"], "/data": "ro"}, "/data is mounted ro, not rw"),
    ("mounts", {**SEEN["mounts"], "/token": "ro"}, "/token is mounted ro, not none"),
]  # fmt: skip


@pytest.mark.parametrize(("demand", "seen", "reason"), WRONG)
def test_one_replica_that_is_otherwise_fails_at_the_part(demand, seen, reason):
    finding = judge(demand, seen, part="core-1")
    assert (finding.verdict, finding.stage) == (Verdict.FAIL, Stage.PART)
    assert finding.reason == f"core-1: {reason}"
    assert all(name.startswith("core-1 ") for name in finding.observed)


def test_a_part_with_a_network_of_its_own_may_listen_on_all_of_it():
    seen = {"ports": {"http": 9090}, "sockets": [["::", 9090]], "own_network": True}
    assert judge("listens", seen).verdict is Verdict.PASS


def test_no_port_at_all_is_a_demand_too():
    quiet = {"ports": {}, "sockets": [], "own_network": False}
    assert judge("listens", quiet, listens=[]).verdict is Verdict.PASS
    assert judge("listens", {**quiet, "sockets": [["127.0.0.1", 1]]}, listens=[]).verdict is Verdict.FAIL


def test_what_could_not_be_seen_is_never_a_pass():
    finding = judge("non_root", ProviderError("permission denied"), part="core-1")
    assert (finding.verdict, finding.stage) == (Verdict.INCONCLUSIVE, Stage.HARNESS)
    assert finding.reason == "non_root of core-1 could not be seen: permission denied"
    for records in ([], history(["flags"]).records):
        finding = check_infra(expect(non_root=True), History(records))
        assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "nobody looked at non_root of core")


def test_a_failure_counts_more_than_what_could_not_be_seen():
    records = history(["non_root", "flags"], non_root=[0], flags=ProviderError("gone"))
    assert check_infra(expect(non_root=True, flags={"keep": "30d"}), records).verdict is Verdict.FAIL


class ProviderError(Exception):
    pass


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nothing is demanded"),
        ({"non_root": False, "flags": {}}, "nothing is demanded"),
        ({"files": [{"path": "x", "at_most": "640"}]}, "pattern"),
        ({"files": [{"path": "x", "exists": False, "owner": 0}]}, "neither mode nor owner"),
        ({"files": [{"at_most": "0640"}]}, "either by its path or by the flag"),
        ({"files": [{"path": "x", "flag": "x"}]}, "either by its path or by the flag"),
        ({"mounts": {"data": "rw"}}, "pattern"),
        ({"mounts": {"/": "readonly"}}, "'ro', 'rw' or 'none'"),
        ({"apps": [], "non_root": True}, "at least 1 item"),
    ],
)
def test_an_expectation_that_says_nothing_or_nonsense_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        expect(**fields)
