"""The Thanos object store configuration of the platform, with this run's endpoint and keys filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from fawkes.harness.errors import UsageError
from fawkes.harness.operator.objects import Manifest, Objects, display_name, namespace_of

OBJSTORE_KEY: Final = "objstore.yml"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """An S3-compatible store of this run."""

    endpoint: str
    """host:port, plain HTTP."""
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)


def objstore_secret(prometheus: Manifest, objects: Objects) -> Manifest:
    """The Secret that a Prometheus object's sidecars upload by. UsageError if it names none that exists."""
    reference = prometheus["spec"].get("thanos", {}).get("objectStorageConfig")
    if reference is None:
        raise UsageError(
            f"{display_name(prometheus)} has no thanos.objectStorageConfig; without it nothing is uploaded"
        )
    return objects.get("Secret", namespace_of(prometheus), reference["name"])


def bucket(secret: Manifest) -> str:
    """The bucket that an object store Secret names."""
    return str(_config(secret)["config"]["bucket"])


def render_objstore(secret: Manifest, store: ObjectStore) -> str:
    """objstore.yml for a part of this run: the Secret's own, at `store`. It holds keys, so its file has mode 0600."""
    config = _config(secret)
    config["config"] |= {
        "endpoint": store.endpoint,
        "insecure": True,
        "access_key": store.access_key,
        "secret_key": store.secret_key,
    }
    return yaml.safe_dump(config, sort_keys=False)


def _config(secret: Manifest) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(secret["stringData"][OBJSTORE_KEY])
    if config.get("type") != "S3":
        raise UsageError(f"{display_name(secret)}: {OBJSTORE_KEY} is not of type S3; only that can be rendered here")
    return config
