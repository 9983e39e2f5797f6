"""Everything that a platform's configuration is made from: objects, names, addresses, secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fawkes.harness.components.postgres import dsn
from fawkes.harness.inventory import Inventory, PrometheusReplica
from fawkes.harness.mutants.mutant import Mutant
from fawkes.harness.operator.objects import Manifest, Objects
from fawkes.harness.operator.objstore import ObjectStore, objstore_secret, render_objstore
from fawkes.harness.prefix import NO_PREFIX, Prefix
from fawkes.harness.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Plan:
    """One run's platform, as every provider has it."""

    run_id: str
    seed: int
    objects: Objects
    inventory: Inventory
    secrets: Secrets
    port: Callable[[str, str], int]
    """(part, port name) -> where that part listens."""
    address: Callable[[str, str], str]
    """(part, port name) -> host:port at which the harness, and a program on its machine, reaches it."""
    directory: Callable[[str], Path]
    """part -> its own directory."""
    binaries: Mapping[str, Path]
    mutant: Mutant | None = None
    given_dsn: str | None = None
    """Database on a server that somebody else runs; None when PostgreSQL is a part of the platform here."""
    native_senders: bool = False
    """Whether the DORA service knows GitHub, GitLab, Argo CD and Jenkins."""
    prefix: Prefix = NO_PREFIX
    """Of the namespaces; `objects` have it already, names in our code don't."""


def object_store(plan: Plan) -> ObjectStore:
    """Where this run's MinIO is, with its keys."""
    return ObjectStore(
        plan.address("minio-0", "http"), plan.secrets["minio-access-key"], plan.secrets["minio-secret-key"]
    )


def objstore_yaml(name: str, plan: Plan) -> str:
    """objstore.yml of the bucket `core` or `learner`, with keys."""
    return render_objstore(bucket_secret(name, plan), object_store(plan))


def postgres_dsn(plan: Plan) -> str:
    """libpq URL of the DORA service's database."""
    own = dsn(address=plan.address("postgres-0", "postgres"), password=plan.secrets["postgres-password"])
    return plan.given_dsn or own


def bucket_secret(name: str, plan: Plan) -> Manifest:
    """The Secret with the objstore.yml of the bucket `core` or `learner`, whoever of its owners runs here."""
    owner = next(one for one in plan.objects.of("Prometheus") if PrometheusReplica(one, 0).bucket == name)
    return objstore_secret(owner, plan.objects)
