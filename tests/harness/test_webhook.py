"""An event as its sender posts it: the service's own signature must come to the same."""

import json

import pytest

from fawkes.fixtures.services.dora.signature import HEADER, sign
from fawkes.harness.webhook import ack_of, webhook


@pytest.mark.parametrize(
    ("type_", "kind"), [("dev.fawkes.commit", "commit"), ("dev.fawkes.deployment_completed", "deployment")]
)
def test_an_event_goes_signed_to_the_endpoint_of_its_kind(type_, kind):
    event = {"id": "1", "type": type_, "data": {"team": "ü"}}
    hook = webhook(event, "key")
    assert (hook.kind, hook.path) == (kind, f"/webhook/{kind}")
    assert json.loads(hook.body) == event
    assert hook.headers[HEADER] == sign("key", hook.body)


def test_what_an_answer_means():
    assert [ack_of(status) for status in (201, 200, 409, 503, 0)] == [
        "stored",
        "duplicate",
        "refused",
        "refused",
        "lost",
    ]
