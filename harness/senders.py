"""Teams whose own tools talk to the DORA service, and what its configuration says of them.

Names carry the run id wherever a sender has names of its own, so that no run passes on what another one stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

Sender = Literal["github", "gitlab", "argocd", "jenkins"]
SENDERS: Final[tuple[Sender, ...]] = ("github", "gitlab", "argocd", "jenkins")
"""What speaks in words of its own, with secrets of its own."""

Age = Literal["former", "live", "next"]
AGES: Final[tuple[Age, ...]] = ("former", "live", "next")
LIVE: Final[tuple[Age, ...]] = ("next", "live")
"""In the middle of a rotation both of these count; the one before them, `former`, was taken out."""

TOOLS: Final = ("github", "gitlab", "argocd", "plain", "cloudevents")
"""What a team delivers with; of `argocd` pushes and builds are told by GitHub and Jenkins."""
TEAMS: Final[Mapping[str, str]] = {f"shop-{tools}": f"by-{tools}" for tools in TOOLS}
"""Service -> its team, called after its tools."""

ENVIRONMENTS: Final[Mapping[str, str]] = {"production": "Live", "staging": "Test"}
"""Our name of an environment -> GitHub's and GitLab's."""


def secret_name(sender: str, age: Age) -> str:
    """What a run calls this secret."""
    return f"dora-{sender}-{age}"


def repository(owner: str, service: str) -> str:
    """What GitHub, GitLab and Jenkins call a service."""
    return f"{owner}/{service}"


def application(owner: str, service: str, environment: str) -> str:
    """What Argo CD calls a service in an environment."""
    return f"{owner}-{service}-{environment}"


def tables(owner: str, teams: Mapping[str, str]) -> dict[str, Any]:
    """The settings `repositories` and `applications` of the DORA service, for service -> team."""
    names = {theirs: ours for ours, theirs in ENVIRONMENTS.items()}
    return {
        "repositories": {
            repository(owner, service): {"team": team, "service": service, "environments": names}
            for service, team in teams.items()
        },
        "applications": {
            application(owner, service, environment): {"team": team, "service": service, "environment": environment}
            for service, team in teams.items()
            for environment in ENVIRONMENTS
        },
    }


def settings(run_id: str, secret: Callable[[str], str]) -> dict[str, Any]:
    """What the DORA service of a run must know of the native senders. `secret`: name -> the run's."""
    live = {sender: [secret(secret_name(sender, age)) for age in LIVE] for sender in SENDERS}
    return {"sender_secrets": live, **tables(run_id, TEAMS)}
