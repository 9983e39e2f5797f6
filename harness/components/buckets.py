"""The job that makes the buckets, `python -m fawkes.harness.components.buckets --config FILE`. Safe to repeat."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import urllib3
from minio import Minio
from minio.error import S3Error

from fawkes.harness.model import Component, Ready
from fawkes.harness.operator.objstore import ObjectStore

CONFIG_FILE: Final = "buckets.json"
_ANSWER_WITHIN_S: Final = 10.0
"""MinIO makes a bucket within 0.1 s (measured); ten seconds is a machine that is busy with something else."""
_ALREADY_THERE: Final = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def buckets(name: str, *, directory: Path, store: ObjectStore, names: Sequence[str], after: Sequence[str]) -> Component:
    """Part `name`, a job: ends with code 0 once every bucket of `names` exists. `after` names the object store."""
    config = {
        "endpoint": store.endpoint,
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "buckets": list(names),
    }
    return Component(
        name=name,
        app=name,
        argv=(sys.executable, "-m", "fawkes.harness.components.buckets", "--config", str(directory / CONFIG_FILE)),
        ready=Ready(by="exit"),
        files={CONFIG_FILE: json.dumps(config)},
        after=tuple(after),
    )


def make_buckets(store: ObjectStore, names: Sequence[str]) -> None:
    """Make those of `names` that don't exist yet. S3Error if the store refuses, urllib3's HTTPError if it is away."""
    client = Minio(
        store.endpoint,
        access_key=store.access_key,
        secret_key=store.secret_key,
        secure=False,
        http_client=urllib3.PoolManager(timeout=_ANSWER_WITHIN_S, retries=False),
    )
    for name in names:
        try:
            client.make_bucket(name)
        except S3Error as error:
            if error.code not in _ALREADY_THERE:
                raise


def main(argv: Sequence[str]) -> int:
    """Exit code 0 when all buckets exist, 1 with one line on stderr when not."""
    parser = argparse.ArgumentParser(description="Makes the buckets that a configuration file names.")
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args(argv).config.read_text())
    store = ObjectStore(config["endpoint"], config["access_key"], config["secret_key"])
    try:
        make_buckets(store, config["buckets"])
    except (S3Error, urllib3.exceptions.HTTPError) as error:
        sys.stderr.write(f"could not make the buckets at {store.endpoint}: {error}; see the log of the object store\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
