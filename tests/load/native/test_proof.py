"""How tools prove who they are, against values that openssl worked out."""

import pytest

from fawkes.load.native.proof import by_bearer, by_signature, by_standard_signature, by_token, live_proof

BODY = b'{"object_kind": "tag_push"}'
NOW_S = 1_772_366_400.9


def test_a_signature_is_githubs():
    # printf '{"object_kind": "tag_push"}' | openssl dgst -sha256 -hmac key
    mac = "f22e75682379a73f1088f97a73c928d5ebe3bda0ea9624e5c5f0fa44c2c80bf5"
    assert by_signature("key", BODY, NOW_S) == {"X-Hub-Signature-256": f"sha256={mac}"}


def test_a_standard_signature_is_of_id_time_and_body():
    headers = by_standard_signature("key", BODY, NOW_S)
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg-364ae4a702d05491", "1772366400")
    # printf 'msg-364ae4a702d05491.1772366400.{"object_kind": "tag_push"}' | openssl dgst -sha256 -hmac key -binary | base64
    assert headers["webhook-signature"] == "v1,3lUq8C5wpzfQPo1FO3IrkWqlwNWJe1vS7OaFtaTrQQY="


def test_tokens_are_the_secret_itself():
    assert by_token("key", BODY, NOW_S) == {"X-Gitlab-Token": "key"}
    assert by_bearer("key", BODY, NOW_S) == {"Authorization": "Bearer key"}


def test_turns_take_every_live_secret_and_way():
    asked = []

    def secret(name):
        asked.append(name)
        return name

    proofs = [live_proof("gitlab", BODY, NOW_S, secret, turn=turn) for turn in range(5)]
    assert asked == ["dora-gitlab-next", "dora-gitlab-next", "dora-gitlab-live", "dora-gitlab-live", "dora-gitlab-next"]
    assert ["X-Gitlab-Token" in proof for proof in proofs] == [True, False, True, False, True]


@pytest.mark.parametrize("endpoint", ["commit", "build", "deployment", "incident"])
def test_what_is_no_sender_of_its_own_signs_with_the_common_secret(endpoint):
    assert live_proof(endpoint, BODY, NOW_S, lambda name: name) == by_signature("dora-webhook", BODY, NOW_S)
