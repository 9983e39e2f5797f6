"""What a tool says of an event, and what of it nobody can know."""

import json
from urllib.parse import unquote

import pytest

from fawkes.load.native.words import Words, as_known

SHA = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
TIME = "2026-03-01T13:00:00.250+01:00"


def event(what, time=TIME, **data):
    return {
        "specversion": "1.0",
        "id": "e 1",
        "source": "//r",
        "type": f"dev.fawkes.{what}",
        "time": time,
        "datacontenttype": "application/json",
        "data": {"team": "by-github", "service": "shop", **data},
    }


def deployed(deployment="d1", status="success", **data):
    about = {"environment": "production", "deployment_id": deployment, "commit_sha": SHA, "status": status}
    return event("deployment_completed", **about, **data)


def incident(deployment):
    return event("incident_created", environment="production", incident_id="i1", caused_by_deployment=deployment)


@pytest.fixture
def words():
    return Words("run-1", "//r")


def test_github_numbers_attempts_and_knows_what_our_payload_adds(words):
    first = words.say("github", deployed(status="failure", attempt=1, kind="hotfix", commits=[SHA])).payload
    second = words.say("github", deployed(attempt=2)).payload
    again = words.say("github", deployed(status="failure", attempt=1)).payload
    assert [one["deployment"]["id"] for one in (first, second, again)] == [1, 2, 1]
    assert first["deployment"]["environment"] == "Live"
    assert first["deployment"]["payload"] == {"fawkes": {"kind": "hotfix", "commits": [SHA]}}
    assert first["deployment_status"] == {"state": "failure", "created_at": TIME}
    assert first["repository"] == {"full_name": "run-1/shop"}


def test_gitlab_writes_its_time_in_its_own_form(words):
    said = words.say("gitlab", deployed())
    assert said.payload["status_changed_at"] == "2026-03-01 13:00:00 +0100"
    assert said.payload["commit_url"].endswith(f"/commit/{SHA}")


def test_a_sync_is_known_by_its_beginning(words):
    started = event("deployment_started", environment="production", deployment_id="d1", commit_sha=SHA)
    running = words.say("argocd", started).payload
    done = words.say("argocd", deployed() | {"time": "2026-03-01T13:05:00+01:00"}).payload
    other = words.say("argocd", deployed("d2")).payload
    assert (running["phase"], running["finished_at"]) == ("Running", "<no value>")
    assert running["started_at"] == done["started_at"] == "2026-03-01T12:00:00.000001Z"
    assert (done["phase"], done["finished_at"]) == ("Succeeded", "2026-03-01T13:05:00+01:00")
    assert other["started_at"] == "2026-03-01T12:00:00.000002Z"
    assert done["application"] == "run-1-shop-production"


@pytest.mark.parametrize("tools", ["github", "gitlab", "argocd"])
def test_builds_are_told_by_jenkins_and_incidents_in_plain_json(words, tools):
    build = words.say(tools, event("build_completed", build_id="b1", commit_sha=SHA, status="failure"))
    assert (build.kind, build.payload["phase"], build.payload["result"]) == ("jenkins", "completed", "FAILURE")
    assert words.say(tools, incident("unheard-of")).payload["caused_by_deployment"] == "unheard-of"


@pytest.mark.parametrize(
    ("tools", "native"), [("github", "2"), ("gitlab", "2"), ("argocd", "2026-03-01T12:00:00.000002Z")]
)
def test_an_incident_names_a_deployment_as_the_tool_does(words, tools, native):
    words.say(tools, deployed(status="failure", attempt=1))
    words.say(tools, deployed(attempt=2))
    assert words.say(tools, incident("d1")).payload["caused_by_deployment"] == native


def test_plain_json_names_the_repository_and_not_the_team(words):
    said = words.say("plain", deployed())
    assert (said.kind, said.payload["repository"], said.payload["source"]) == ("deployment", "run-1/shop", "//r")
    assert not {"team", "service"} & said.payload.keys()


def test_binary_mode_has_its_attributes_in_headers(words):
    told = deployed()
    said = words.say("cloudevents", told)
    attributes = {name.removeprefix("ce-"): unquote(value) for name, value in said.headers.items()}
    assert attributes == {name: told[name] for name in ("specversion", "id", "source", "type", "time")}
    assert json.loads(said.body) == told["data"]


def test_only_what_is_told_is_known():
    rich = deployed(kind="hotfix", commits=[SHA], caused_by_incident="i1")
    for tools in ("github", "plain", "cloudevents"):
        assert as_known(tools, rich) == rich
    assert as_known("argocd", rich) == deployed()
    assert as_known("gitlab", rich) == deployed() | {"time": "2026-03-01T13:00:00+01:00"}
    commit = event("commit", sha=SHA)
    assert as_known("gitlab", commit) == commit
