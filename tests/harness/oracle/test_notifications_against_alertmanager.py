"""The oracle against running Alertmanagers: random cases, every message predicted and none besides."""

import pytest

from fawkes.harness.oracle.notification_proof.cases import ALONE, LATE_S, PAIR, draw_cases, is_same
from fawkes.harness.oracle.notification_proof.live import play
from fawkes.harness.oracle.notification_proof.wrong import WRONG_CLUSTERS, WRONG_MODELS
from fawkes.harness.toolchain import provide

pytestmark = [pytest.mark.platform, pytest.mark.slow]

SEED = 4
TRIES = 3
"""When the machine is too busy to post in time, which voids what is heard."""
SETTINGS = {"alone": (80, ALONE), "pair": (15, PAIR)}


@pytest.fixture(scope="module")
def plays():
    """Setting -> its cases and what came of them."""
    cases = {name: list(draw_cases(SEED, count, cluster)) for name, (count, cluster) in SETTINGS.items()}
    binary = provide(["alertmanager"], progress=lambda line: None)["alertmanager"].path
    for _ in range(TRIES):
        played = play(binary, [(cases[name], cluster) for name, (_, cluster) in SETTINGS.items()])
        if not any(one.is_void for one in played):
            break
    return {name: (cases[name], one) for name, one in zip(SETTINGS, played, strict=True)}


def wrong_cases(play, cluster):
    cases, played = play
    both = zip(cases, played.heard, strict=True)
    return [case for case, heard in both if not is_same(case.predict(cluster), heard, late_s=LATE_S)]


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_message_is_predicted_and_none_besides(plays, setting):
    _, played = plays[setting]
    assert not played.is_void, f"the machine is too busy: a post left {played.posted_late_s:.2f} s late"
    assert wrong_cases(plays[setting], SETTINGS[setting][1]) == []
    assert sum(len(messages) for heard in played.heard for messages in heard.values()) > 50


@pytest.mark.parametrize("name", WRONG_MODELS)
def test_a_wrong_model_is_noticed(plays, name):
    with WRONG_MODELS[name].in_place():
        assert wrong_cases(plays["alone"], ALONE) != []


@pytest.mark.parametrize("name", WRONG_CLUSTERS)
def test_a_wrong_cluster_is_noticed(plays, name):
    assert wrong_cases(plays["pair"], WRONG_CLUSTERS[name]) != []
