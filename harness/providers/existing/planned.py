"""What a run with the whole platform would apply: known before anything is asked or made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from fawkes.harness.blueprint import bare_blueprint
from fawkes.harness.inventory import Inventory
from fawkes.harness.kubernetes.platform import SMTP_HOST, notification_credentials, stages
from fawkes.harness.kubernetes.pods import WORK, component_manifests
from fawkes.harness.kubernetes.site import own_port
from fawkes.harness.kubernetes.stack import OPERATOR_NAMESPACE, operator_manifests
from fawkes.harness.kubernetes.whereabouts import STAND_INS, of_component
from fawkes.harness.operator.objects import Manifest, load_objects
from fawkes.harness.places import PLATFORM, WORKLOADS
from fawkes.harness.plan import Plan
from fawkes.harness.prefix import Prefix
from fawkes.harness.providers.existing.fence import CRD
from fawkes.harness.providers.existing.leftovers import LAST
from fawkes.harness.secrets import Secrets
from fawkes.harness.stand_ins import notified, sample_services


def platform_prefix(word: str) -> Prefix:
    """For all namespaces that the platform's files name. UsageError for a word that can't be one."""
    return Prefix.parse(word, (str(one["metadata"]["name"]) for one in load_objects(PLATFORM).of("Namespace")))


def whole_platform(prefix: Prefix) -> list[Manifest]:
    """Every object of the platform with all its parts, and what the harness plays beside it."""
    objects = bare_blueprint("preflight", 0, prefix).objects
    plan = Plan(
        run_id="preflight",
        seed=0,
        objects=objects,
        inventory=Inventory(objects, exporters=True),
        secrets=Secrets(),
        port=own_port,
        address=lambda part, port: "127.0.0.1:1",  # nobody reaches what is only planned
        directory=lambda part: WORK,
        binaries={},
        prefix=prefix,
    )
    made = stages(plan, load_objects(WORKLOADS))
    parts = [*sample_services(plan, []), notified(plan, smtp_host=prefix(SMTP_HOST))]
    own = [one for part in parts for one in component_manifests(part, of_component(part, prefix(STAND_INS)), {}, {})]
    return [*made.everything(), *notification_credentials(plan, ""), *own]


def our_operator(prefix: Prefix, bundle: Path, *, define: bool) -> list[Manifest]:
    """An operator that watches the platform's prefixed namespaces only, with definitions (CRDs) if `define`."""
    wider = Prefix(prefix.text, prefix.names | {OPERATOR_NAMESPACE})
    made = operator_manifests(bundle, prefix.namespaces())
    kept = [one for one in made if define or one["kind"] != CRD[1]]
    return [_goes_last(one if one["kind"] == CRD[1] else wider.manifest(one)) for one in kept]


def counted(manifests: Iterable[Manifest]) -> str:
    """`3 Service, 2 Secret`, most first."""
    return ", ".join(f"{count} {kind}" for kind, count in Counter(one["kind"] for one in manifests).most_common())


def of_kinds(manifests: Iterable[Manifest], *kinds: str) -> Sequence[Manifest]:
    return [one for one in manifests if one["kind"] in kinds]


def _goes_last(manifest: Manifest) -> Manifest:
    if manifest["kind"] != "Namespace":
        return manifest
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), LAST: ""}}}
