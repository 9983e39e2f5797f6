import base64
import json
import socket
import tempfile
import uuid

import pytest
import yaml

from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.kubernetes import api as module
from fawkes.harness.kubernetes.api import FIELD_MANAGER, Api, ServerAway, UnknownKind, asked_again
from free_ports import free_ports

on_a_server = [pytest.mark.cluster, pytest.mark.slow]


def config_map(namespace: str, name: str = "it", labels: dict | None = None, **data: str) -> dict:
    metadata = {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def kubeconfig(tmp_path):
    """kubeconfig(port) of a server at that port of 127.0.0.1."""

    def write(port: int, scheme: str = "http"):
        path = tmp_path / "config"
        cluster = {"name": "it", "cluster": {"server": f"{scheme}://127.0.0.1:{port}"}}
        context = {"name": "it", "context": {"cluster": "it", "user": "it"}}
        user = {"name": "it", "user": {"token": "none"}}
        lists = {"clusters": [cluster], "contexts": [context], "users": [user]}
        path.write_text(yaml.safe_dump({**lists, "current-context": "it"}))
        return path

    return write


def test_a_missing_file_is_the_callers_fault(tmp_path):
    with pytest.raises(UsageError, match="give a kubeconfig"):
        Api(tmp_path / "none")


def test_an_unknown_context_is_the_callers_fault(kubeconfig):
    with pytest.raises(UsageError, match="elsewhere"):
        Api(kubeconfig(1), "elsewhere")


def test_copies_of_keys_are_where_they_are_wanted(kubeconfig, tmp_path, monkeypatch):
    """Keys that nobody else has, because the package remembers what it has copied."""
    path = kubeconfig(1, "https")
    written = yaml.safe_load(path.read_text())
    names = ("client-certificate-data", "client-key-data")
    written["users"][0]["user"] = {name: base64.b64encode(uuid.uuid4().bytes).decode() for name in names}
    path.write_text(yaml.safe_dump(written))
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    Api(path, keys=here).close()
    assert len(list(here.iterdir())) == 2
    assert not list(elsewhere.iterdir())


def test_a_server_that_is_away_is_told_by_verb_and_object(kubeconfig):
    (port,) = free_ports(1)
    with pytest.raises(ServerAway, match=r"cannot get Pod a/b: .*is the cluster running\?"):
        Api(kubeconfig(port)).get("v1", "Pod", "b", "a")


def test_a_server_that_never_answers_does_not_hold_us_for_ever(kubeconfig, monkeypatch):
    monkeypatch.setattr(module, "_ANSWER_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ServerAway):
        Api(kubeconfig(silent.getsockname()[1])).version()


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(kubeconfig, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as proxy, socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setattr(module, "_ANSWER_WITHIN_S", 0.1)
        with pytest.raises(ServerAway):
            Api(kubeconfig(server.getsockname()[1])).version()
        server.settimeout(5)
        server.accept()[0].close()
        proxy.setblocking(False)
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_what_waits_asks_a_server_that_was_away_again():
    answers = [ServerAway("away"), UnknownKind("not yet"), "there"]

    def probe():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert eventually("it", asked_again(probe), bool, within_s=5, every_s=0, clock=RealClock()) == "there"


def test_what_waits_does_not_ask_again_after_a_refusal():
    def probe():
        raise ProviderError("forbidden")

    with pytest.raises(ProviderError, match="forbidden"):
        eventually("it", asked_again(probe), bool, within_s=5, clock=RealClock())


class TestOnAServer:
    pytestmark = on_a_server

    def test_tells_its_version(self, api):
        assert api.version().startswith("v1.")

    def test_an_object_is_made_changed_and_deleted(self, api):
        assert api.get("v1", "ConfigMap", "it", "default") is None
        api.apply(config_map("default", a="1", b="2"))
        assert api.apply(config_map("default", a="3"))["data"] == {"a": "3"}, "what is no longer said is taken away"
        found = api.get("v1", "ConfigMap", "it", "default")
        assert found["data"] == {"a": "3"}
        assert [one["manager"] for one in found["metadata"]["managedFields"]] == [FIELD_MANAGER]
        assert api.delete("v1", "ConfigMap", "it", "default")
        assert not api.delete("v1", "ConfigMap", "it", "default")
        assert api.get("v1", "ConfigMap", "it", "default") is None

    def test_a_dry_run_makes_nothing(self, api):
        assert api.apply(config_map("default", "dry"), dry_run=True)["metadata"]["name"] == "dry"
        assert api.get("v1", "ConfigMap", "dry", "default") is None

    def test_lists_by_labels_and_says_what_the_items_are(self, api):
        for name, group in (("one", "x"), ("two", "y")):
            api.apply(config_map("default", name, {"group": group}))
        (one,) = api.list("v1", "ConfigMap", "default", labels="group=x")
        assert (one["kind"], one["apiVersion"], one["metadata"]["name"]) == ("ConfigMap", "v1", "one")
        everywhere = {one["metadata"]["name"] for one in api.list("v1", "ConfigMap")}
        assert {"one", "two"} <= everywhere
        api.delete_all("v1", "ConfigMap", "default", labels="group in (x,y)")
        assert api.list("v1", "ConfigMap", "default", labels="group") == []

    def test_patches(self, api):
        api.apply(config_map("default", "patched", a="1"))
        body = {"data": {"a": None, "b": "2"}}
        assert api.patch("v1", "ConfigMap", "patched", body, "default")["data"] == {"b": "2"}

    def test_a_refusal_tells_the_servers_words(self, api):
        with pytest.raises(
            ProviderError, match=r"cannot apply ConfigMap nowhere/it: 404 namespaces \"nowhere\" not found"
        ):
            api.apply(config_map("nowhere"))
        wrong = {**config_map("default"), "data": {"a": {}}}
        with pytest.raises(ProviderError, match="cannot apply ConfigMap default/it: "):
            api.apply(wrong)

    def test_an_unknown_field_is_refused_and_not_dropped(self, api):
        with pytest.raises(ProviderError, match=r": 500 .*field not declared in schema") as refused:
            api.apply({**config_map("default"), "dat": {}})
        assert not isinstance(refused.value, ServerAway), "what waits would try it again and again"

    def test_an_unknown_kind_is_told(self, api):
        with pytest.raises(UnknownKind, match=r"knows no Thing of example\.org/v1"):
            api.get("example.org/v1", "Thing", "it", "default")

    def test_a_pod_that_never_ran_has_no_log(self, api):
        assert api.pod_log("default", "none") == ""

    def test_nothing_is_written_outside(self, plane, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        api = Api(plane.kubeconfig)
        assert json.dumps(api.list("v1", "Namespace"))
        api.close()
        assert list(tmp_path.iterdir()) == []
