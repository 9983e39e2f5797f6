"""What happened, said as GitHub, GitLab, Argo CD, Jenkins, plain JSON and CloudEvents in binary mode say it.

Payloads have the fields of the real ones that say something to the service, and the form of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final
from urllib.parse import quote

from fawkes.harness.senders import ENVIRONMENTS, application, repository
from fawkes.harness.webhook import Webhook, kind_of
from fawkes.load.histories import CloudEvent

_OURS: Final = ("commits", "kind", "caused_by_incident")
"""What only a deployment made through GitHub's API can say beside GitHub's own words."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a tool sends, without the proof that it is the tool."""

    kind: str
    headers: Mapping[str, str]
    payload: Mapping[str, Any]

    @property
    def body(self) -> bytes:
        return json.dumps(self.payload).encode()

    def proved(self, proof: Mapping[str, str]) -> Webhook:
        """The delivery, with the headers that prove who speaks."""
        return Webhook(self.kind, {"Content-Type": "application/json", **self.headers, **proof}, self.body)


class Words:
    """Speaks for the tools of one owner of repositories. Events must come in time order."""

    def __init__(self, owner: str, source: str) -> None:
        self._owner, self._source = owner, source
        self._numbers = count(1)
        self._number: dict[tuple[str, str, str, int], int] = {}
        self._began: dict[int, str] = {}
        self._succeeded: dict[tuple[str, str], str] = {}
        self._tools: Mapping[str, Mapping[str, Callable[[CloudEvent], Message]]] = {
            "github": {"commit": self._github_push, "deployment": self._github_deployment},
            "gitlab": {"commit": self._gitlab_push, "deployment": self._gitlab_deployment},
            "argocd": {"commit": self._github_push, "deployment": self._argocd},
            "plain": dict.fromkeys(("commit", "build", "deployment", "incident"), self._plain),
            "cloudevents": dict.fromkeys(("commit", "build", "deployment", "incident"), self._binary),
        }
        """Tools -> kind of event -> who says it. What a forge has no word for, Jenkins (builds) and plain JSON say."""

    def say(self, tools: str, event: CloudEvent) -> Message:
        """The event in the words of `tools`, one of harness.senders.TOOLS."""
        otherwise = {"build": self._jenkins, "incident": self._plain_incident}
        return (otherwise | dict(self._tools[tools]))[kind_of(event)](event)

    def _github_push(self, event: CloudEvent) -> Message:
        payload = {"ref": "refs/heads/main", "repository": self._full_name(event), "commits": [_pushed(event)]}
        return Message("github", {"X-GitHub-Event": "push"}, payload)

    def _github_deployment(self, event: CloudEvent) -> Message:
        data = event["data"]
        states = {None: "in_progress", "success": "success", "failure": "failure", "cancelled": "inactive"}
        ours = {name: data[name] for name in _OURS if data.get(name) is not None}
        number = self._native_id(event, str)
        payload = {
            "repository": self._full_name(event),
            "deployment": {
                "id": int(number),
                "sha": data["commit_sha"],
                "environment": ENVIRONMENTS[data["environment"]],
                "payload": {"fawkes": ours},
            },
            "deployment_status": {"state": states[data.get("status")], "created_at": event["time"]},
        }
        return Message("github", {"X-GitHub-Event": "deployment_status"}, payload)

    def _gitlab_push(self, event: CloudEvent) -> Message:
        payload = {"object_kind": "push", "project": self._project(event), "commits": [_pushed(event)]}
        return Message("gitlab", {"X-Gitlab-Event": "Push Hook"}, payload)

    def _gitlab_deployment(self, event: CloudEvent) -> Message:
        data = event["data"]
        statuses = {None: "running", "success": "success", "failure": "failed", "cancelled": "canceled"}
        payload = {
            "object_kind": "deployment",
            "project": self._project(event),
            "deployment_id": int(self._native_id(event, str)),
            "status": statuses[data.get("status")],
            "status_changed_at": f"{datetime.fromisoformat(event['time']):%Y-%m-%d %H:%M:%S %z}",
            "environment": ENVIRONMENTS[data["environment"]],
            "commit_url": f"https://gitlab.example.org/x/-/commit/{data['commit_sha']}",
        }
        return Message("gitlab", {"X-Gitlab-Event": "Deployment Hook"}, payload)

    def _argocd(self, event: CloudEvent) -> Message:
        data = event["data"]
        phases = {None: "Running", "success": "Succeeded", "failure": "Failed", "cancelled": "Terminating"}
        payload = {
            "application": application(self._owner, data["service"], data["environment"]),
            "phase": phases[data.get("status")],
            "revision": data["commit_sha"],
            "started_at": self._native_id(event, lambda number: self._sync_began(number, event["time"])),
            "finished_at": event["time"] if "status" in data else "<no value>",
        }
        return Message("argocd", {}, payload)

    def _jenkins(self, event: CloudEvent) -> Message:
        data = event["data"]
        results = {None: None, "success": "SUCCESS", "failure": "FAILURE", "cancelled": "ABORTED"}
        payload = {
            "repository": repository(self._owner, data["service"]),
            "job": data["build_id"],
            "number": data.get("attempt", 1),
            "phase": event["type"].rpartition("_")[2],
            "result": results[data.get("status")],
            "commit": data["commit_sha"],
            "timestamp": event["time"],
        }
        return Message("jenkins", {}, payload)

    def _plain(self, event: CloudEvent) -> Message:
        flat = {name: value for name, value in event["data"].items() if name not in {"team", "service", "repo"}}
        flat |= {
            "type": event["type"].rpartition(".")[2],
            "timestamp": event["time"],
            "source": self._source,
            "repository": repository(self._owner, event["data"]["service"]),
        }
        return Message(kind_of(event), {}, flat)

    def _plain_incident(self, event: CloudEvent) -> Message:
        """Whoever reports it knows a deployment by the id that the tool gave it."""
        data = event["data"]
        named = data.get("caused_by_deployment")
        known = self._succeeded.get((data["environment"], named), named) if named is not None else None
        return self._plain(event if known is None else event | {"data": data | {"caused_by_deployment": known}})

    def _binary(self, event: CloudEvent) -> Message:
        attributes = {name: value for name, value in event.items() if name not in {"data", "datacontenttype"}}
        headers = {f"ce-{name}": quote(value, safe="/:+") for name, value in attributes.items()}
        return Message(kind_of(event), headers, event["data"])

    def _full_name(self, event: CloudEvent) -> dict[str, str]:
        return {"full_name": repository(self._owner, event["data"]["service"])}

    def _project(self, event: CloudEvent) -> dict[str, str]:
        return {"path_with_namespace": repository(self._owner, event["data"]["service"])}

    def _native_id(self, event: CloudEvent, spell: Callable[[int], str]) -> str:
        """What the tool calls this attempt: each has a number of its own, as GitHub and GitLab count deployments."""
        data = event["data"]
        attempt = data["service"], data["environment"], data["deployment_id"], data.get("attempt", 1)
        if attempt not in self._number:
            self._number[attempt] = next(self._numbers)
        native = spell(self._number[attempt])
        if data.get("status") == "success":
            self._succeeded[data["environment"], data["deployment_id"]] = native
        return native

    def _sync_began(self, number: int, time: str) -> str:
        """All that a sync is known by; a microsecond per attempt keeps apart what began within one second."""
        began = datetime.fromisoformat(time).astimezone(UTC).replace(microsecond=number)
        return self._began.setdefault(number, began.isoformat().replace("+00:00", "Z"))


def as_known(tools: str, event: CloudEvent) -> CloudEvent:
    """The event without what `tools` cannot say, so that the oracle knows no more than the service was told."""
    if tools not in {"gitlab", "argocd"} or kind_of(event) != "deployment":
        return event
    data = {name: value for name, value in event["data"].items() if name not in _OURS}
    if tools == "argocd":
        return event | {"data": data}
    to_the_second = datetime.fromisoformat(event["time"]).replace(microsecond=0).isoformat()
    return event | {"data": data, "time": to_the_second}


def _pushed(event: CloudEvent) -> dict[str, Any]:
    """A commit in a push, whose one time is when it was committed."""
    data = event["data"]
    author = {"name": data.get("author", "Ada")}
    return {"id": data["sha"], "timestamp": data.get("committed_at", event["time"]), "author": author}
