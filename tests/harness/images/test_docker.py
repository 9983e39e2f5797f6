"""Which engine is used: the one that answers, and only where none does one of our own."""

import os
from pathlib import Path

import pytest

from fawkes.harness.errors import NoPlaceError, ProviderError
from fawkes.harness.eventually import RealClock
from fawkes.harness.images.docker import (
    Answering,
    Docker,
    Startable,
    engine_directory,
    look,
)
from fawkes.harness.images.own_engine import running_docker

pytestmark = pytest.mark.slow


def start(environ: dict[str, str]):
    return running_docker(environ=environ, clock=RealClock(), progress=lambda _: None)


def test_an_engine_that_answers_is_used_as_it_is(environ: dict[str, str], install):
    client = install("docker", "echo server=27.3.1")
    install("dockerd", "echo started > $HOME; exit 1")

    assert look(environ) == Answering(str(client), "27.3.1")
    with start(environ) as used:
        assert used == Docker(str(client), environ)
    assert not engine_directory(environ).exists(), "nothing of ours was needed"


@pytest.mark.parametrize(
    ("told", "address"), [("unix:///run/other.sock", "unix:///run/other.sock"), ("ssh://far", None), ("", None)]
)
def test_an_address_is_written_down_so_that_it_leads_there_whatever_context_is_chosen_later(
    told, address, environ: dict[str, str], install
):
    docker = Docker(str(install("docker", f'[ "$1 $2" = "context inspect" ] && echo "host={told}"')), environ)
    assert docker.address() == address
    assert Docker(docker.client, {**environ, "DOCKER_HOST": "tcp://near"}).address() == "tcp://near"


@pytest.mark.parametrize(
    ("setting", "programs", "root", "remedy"),
    [
        ({}, [], True, "install Docker"),
        ({}, ["docker"], True, "there is no dockerd"),
        ({}, ["docker", "dockerd"], False, "only root may start one"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:1"}, ["docker", "dockerd"], True, "tcp://127.0.0.1:1, or unset DOCKER_HOST"),
    ],
)
def test_where_no_engine_can_be_had_it_says_what_to_do(
    setting, programs, root, remedy, bare: dict[str, str], install, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    for name in programs:
        install(name, "echo cannot connect; exit 1")
    with pytest.raises(NoPlaceError, match=remedy), start({**bare, **setting}):
        pass


@pytest.mark.usefixtures("as_root")
def test_a_path_too_long_for_a_socket_is_told_before_the_daemon_is_started(no_engine: dict[str, str], tmp_path: Path):
    longer = {**no_engine, "XDG_CACHE_HOME": str(tmp_path / ("x" * 90))}
    with pytest.raises(ProviderError, match=r"too long for a socket .*XDG_CACHE_HOME"), start(longer):
        pass
    assert not engine_directory(longer).exists()


def test_looking_at_what_could_be_started_starts_nothing(no_engine: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert isinstance(look(no_engine), Startable)
    assert not engine_directory(no_engine).exists()


def test_an_image_is_there_when_the_engine_has_its_identity(environ: dict[str, str], install):
    client = install("docker", '[ "$5" = fawkes/node:here ] && echo id=sha256:1 || { echo no such image; exit 1; }')
    engine = Docker(str(client), environ)
    assert engine.has("fawkes/node:here")
    assert not engine.has("fawkes/node:there")


def test_an_engine_that_refuses_an_import_is_told(environ: dict[str, str], install):
    client = install("docker", "echo no space left on device; exit 1")
    with pytest.raises(ProviderError, match="no space left on device"):
        Docker(str(client), environ).import_node(Path("/root.tar"), "fawkes/node:new")


def test_an_engine_that_refuses_nodes_is_no_place_for_a_cluster(environ: dict[str, str], install):
    client = install(
        "docker", 'echo "$@" > $HOME.words; case "$*" in *good) ;; *) echo no such capability; exit 125; esac'
    )
    engine = Docker(str(client), environ)
    engine.try_node("fawkes/node:good")
    assert "run --rm --privileged" in Path(f"{environ['HOME']}.words").read_text()
    with pytest.raises(NoPlaceError, match=r"(?s)no privileged container.*no such capability.*harness doctor"):
        engine.try_node("fawkes/node:bad")
