"""A month of five teams, each told by its own tools, and what must be refused. Driver of `do: native_senders`.

What is recorded is the month as CloudEvents, without what the tools have no words for: the oracle's own history.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from fawkes.harness.checks.dora import event_source
from fawkes.harness.model import Component
from fawkes.harness.senders import TEAMS, TOOLS
from fawkes.harness.webhook import Webhook
from fawkes.harness.world import Recorder, Site, World
from fawkes.load.histories import CloudEvent
from fawkes.load.native.proof import live_proof
from fawkes.load.native.refused import refused_deliveries
from fawkes.load.native.words import Words, as_known
from fawkes.load.organisation.driver import OrganisationSpec, organisation_of
from fawkes.load.organisation.parameters import Parameters
from fawkes.load.sender import Sender

CLUMSY: Final = Parameters(services_per_team=1, pace_sigma=0.0, attempt_failure_ratio=0.3, failure_ratio=0.4)
"""Teams alike, with failed attempts, rollbacks and hotfixes so often that each tool has to tell of them: of some 20
deployments in a month, 0.7^20 = 0.1 % of all months have no failed attempt."""

CONNECTIONS: Final = 8
"""As `do: organisation` has: tools don't wait for one another, and the service commits together what waits together."""

REPEATED_EVERY: Final = 10
"""Every tenth delivery comes again, as tools do when an answer was late."""


class NativeSendersSpec(BaseModel):
    """`do: native_senders`"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    do: Literal["native_senders"]
    days: int = Field(default=35, ge=7, le=395, description="How far back the teams' work goes.")


class NativeSenders:
    """Driver of `do: native_senders`."""

    spec: type[BaseModel] = NativeSendersSpec

    def components(self, spec: NativeSendersSpec, site: Site) -> Sequence[Component]:
        """None: the deliveries go to the platform's own DORA service."""
        return ()

    def run(self, spec: NativeSendersSpec, world: World, record: Recorder) -> None:
        """Tell the month, repeat and contradict some of it, then send what must be refused: an `event`, a `conflict`
        or a `refusal` each. Never fails because of the service.
        """
        sender = Sender(world, record)
        told = list(_told(month(spec, seed=world.seed, run_id=world.run_id, now_s=world.now_s()), world))
        for together in (told, told[::REPEATED_EVERY]):
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                sent = [pool.submit(sender.deliver, "event", hook, event=event) for event, hook in together]
            for one in sent:
                one.result()
        sender.send_conflict(_contradiction([event for event, _ in told]))
        for refused in refused_deliveries(world.run_id, world.now_s(), world.secret):
            sender.deliver("refusal", refused.hook, case=refused.case, wrong=refused.wrong)


def month(spec: NativeSendersSpec, *, seed: int, run_id: str, now_s: float) -> Iterator[tuple[str, CloudEvent]]:
    """Tools and event, in time order: what happened, before anybody tells it. Team and service are called after the
    tools.
    """
    like = OrganisationSpec(do="organisation", teams=len(TOOLS), days=spec.days, ugly=())
    organisation = replace(organisation_of(like, seed=seed, run_id=run_id, now_s=now_s), parameters=CLUMSY)
    names = dict(
        zip((f"team-{number:03d}" for number in range(len(TOOLS))), zip(TOOLS, TEAMS, strict=True), strict=True)
    )
    for event in organisation.events():
        tools, service = names[event["data"]["team"]]
        yield tools, event | {"data": event["data"] | {"team": TEAMS[service], "service": service}}


def _told(happened: Iterator[tuple[str, CloudEvent]], world: World) -> Iterator[tuple[CloudEvent, Webhook]]:
    """What is known of each event once its tools have told it, and how they tell it."""
    words, now_s = Words(world.run_id, event_source(world.run_id)), world.now_s()
    for turn, (tools, event) in enumerate(happened):
        message = words.say(tools, event)
        proof = live_proof(message.kind, message.body, now_s, world.secret, turn=turn)
        yield as_known(tools, event), message.proved(proof)


def _contradiction(events: Sequence[CloudEvent]) -> CloudEvent:
    """Another outcome under the identity of a CloudEvent; what has no id of its own can't be contradicted."""
    said = next(
        event
        for event in reversed(events)
        if event["data"]["team"] == TEAMS["shop-cloudevents"] and event["data"].get("status") == "success"
    )
    return said | {"data": said["data"] | {"status": "failure"}}
