"""The job that makes the buckets, as a part (fawkes.harness.make_buckets)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fawkes.harness.model import Component, Ready
from fawkes.harness.operator.objstore import ObjectStore

CONFIG_FILE: Final = "buckets.json"


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
        argv=(sys.executable, "-m", "fawkes.harness.make_buckets", "--config", str(directory / CONFIG_FILE)),
        ready=Ready(by="exit"),
        files={CONFIG_FILE: json.dumps(config)},
        after=tuple(after),
    )
