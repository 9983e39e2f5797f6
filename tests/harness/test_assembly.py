"""Parts that drivers join to the platform are found by its own monitors, in the namespace of the Service they play."""

import itertools
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fawkes.harness.assembly import assemble
from fawkes.harness.components.exporter import exporter
from fawkes.harness.errors import UsageError
from fawkes.harness.inventory import Inventory
from fawkes.harness.operator.objects import load_objects
from fawkes.harness.places import PLATFORM
from fawkes.harness.plan import Plan
from fawkes.harness.secrets import Secrets


@pytest.fixture
def parts(tmp_path):
    """`parts(app, ...)` -> the platform's components by name, with one joined exporter per app."""
    objects, ports = load_objects(PLATFORM), defaultdict(itertools.count(20_000).__next__)

    def assembled(*apps, discovered=True, native_senders=False):
        plan = Plan(
            run_id="r",
            seed=1,
            objects=objects,
            inventory=Inventory(objects),
            secrets=Secrets(),
            port=lambda part, name: ports[part, name],
            address=lambda part, name: f"127.0.0.1:{ports[part, name]}",
            directory=lambda part: tmp_path / part,
            binaries=defaultdict(lambda: Path("/bin/true")),
            mutant=None,
            given_dsn=None,
            native_senders=native_senders,
        )
        joined = [exporter(f"{app}-0", app=app, port=ports[f"{app}-0", "http"], metrics="joined 1\n") for app in apps]
        joined = [replace(part, discovered=discovered) for part in joined]
        for part in joined:
            plan.inventory.joined(part.app, part.name)
        found = assemble(plan, joined)
        assert len({part.name for part in found}) == len(found)
        return {part.name: part for part in found}

    return assembled


def targets(parts, namespace, name):
    """Addresses of the targets that are the pod `name`."""
    known = json.loads(parts["prometheus-core-0"].files[f"targets/{namespace}.json"])
    return [t["targets"] for t in known if t["labels"]["__meta_kubernetes_pod_name"] == name]


@pytest.mark.parametrize(
    ("app", "namespace"),
    [
        ("node-exporter", "fawkes-nodes"),
        ("kube-state-metrics", "fawkes-monitoring"),
        ("load-target", "fawkes-apps"),
        ("argocd", "fawkes-cicd"),
    ],
)
def test_a_joined_part_is_a_target_in_its_services_namespace(parts, app, namespace):
    found = parts(app)
    assert targets(found, namespace, f"{app}-0") == [[f"127.0.0.1:{found[f'{app}-0'].ports['http']}"]]


def test_a_joined_part_takes_the_place_of_the_sample_service_of_its_name(parts):
    found = parts("jenkins")
    assert "joined" in found["jenkins-0"].files["exporter.json"]
    assert "joined" not in found["harbor-0"].files["exporter.json"]


def test_an_app_that_no_service_selects_is_refused_with_the_nearest_name(parts):
    with pytest.raises(UsageError, match=r"0 Services .* node-exportr \(did you mean 'node-exporter'\?\)"):
        parts("node-exportr")


@pytest.mark.parametrize("apps", [("node-exporter", "node-exporter"), ("jenkins", "jenkins"), ("minio",)])
def test_a_part_that_is_there_already_is_refused(parts, apps):
    with pytest.raises(UsageError, match="give the new one another replica number"):
        parts(*apps)


def test_a_part_that_no_monitor_may_find_runs_without_a_service(parts):
    found = parts("prometheus-adr", discovered=False)
    files = [text for name, text in found["prometheus-core-0"].files.items() if name.startswith("targets/")]
    assert "prometheus-adr-0" in found
    assert not [text for text in files if "prometheus-adr" in text]


def test_the_dora_service_knows_native_senders_where_a_scenario_says_so(parts):
    def settings(**how):
        return yaml.safe_load(parts(**how)["dora-0"].files["dora.yaml"])

    assert settings().keys() == {"dsn", "webhook_secrets"}
    told = settings(native_senders=True)
    assert told["repositories"]["r/shop-github"]["team"] == "by-github"
    assert told["applications"]["r-shop-argocd-staging"]["environment"] == "staging"
    live = [secret for secrets in told["sender_secrets"].values() for secret in secrets]
    assert len(set(live)) == len(live) == 8
