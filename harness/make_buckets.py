"""`python -m fawkes.harness.make_buckets --config FILE`: makes the buckets that the file names. Safe to repeat.

A module of its own, because the store's client takes 0.15 s of a core to import, and only this job uses it.
"""

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

from fawkes.harness.operator.objstore import ObjectStore

_ANSWER_WITHIN_S: Final = 10.0
"""MinIO makes a bucket within 0.1 s (measured); ten seconds is a machine that is busy with something else."""
_ALREADY_THERE: Final = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


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
