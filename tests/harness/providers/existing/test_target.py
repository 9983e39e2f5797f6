"""Which cluster a person means: said in full, or refused."""

import pytest

from fawkes.harness.errors import UsageError
from fawkes.harness.providers.existing.target import Target

SAID = {"context": "c", "namespace_prefix": "alice", "kubeconfig": "/k"}


def wished(on="existing", environ=None, **other):
    return Target.wished(on, **{**SAID, **other}, environ=environ or {})


@pytest.mark.parametrize("missing", ["context", "namespace_prefix"])
def test_neither_context_nor_prefix_is_guessed(missing):
    with pytest.raises(UsageError, match="--on existing: say"):
        wished(**{missing: None})


def test_naming_another_cluster_than_the_one_that_is_used_stops_everything():
    with pytest.raises(UsageError, match="but --context is c; nothing is done on either"):
        wished(yes_this_is="d")
    assert wished(yes_this_is="c").yes_this_is == "c"


def test_the_kubeconfig_is_the_one_that_is_said_or_set_or_usual(monkeypatch):
    monkeypatch.setenv("HOME", "/home/a")
    assert wished().kubeconfig == "/k"
    assert wished(kubeconfig=None, environ={"KUBECONFIG": "/set"}).kubeconfig == "/set"
    assert wished(kubeconfig=None).kubeconfig == "/home/a/.kube/config"
    with pytest.raises(UsageError, match="several files"):
        wished(kubeconfig=None, environ={"KUBECONFIG": "/a:/b"})


def test_other_providers_take_none_of_it():
    assert Target.wished("kind", context=None, namespace_prefix=None) is None
    with pytest.raises(UsageError, match="not for --on local"):
        Target.wished("local", context="c", namespace_prefix=None)


def test_its_options_say_it_again():
    whole = wished(services_image="r/s:1", install_operator=True, yes_this_is="c")
    assert whole.options() == (
        "--context c --kubeconfig /k --namespace-prefix alice --services-image r/s:1 --install-operator --yes-this-is c"
    )
