"""MinIO as a component: the object store below Thanos."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fawkes.harness.model import Component, Ready

_ENV_FILE: Final = "minio.env"


def minio(
    name: str, *, binary: Path, directory: Path, ports: Mapping[str, int], access_key: str, secret_key: str
) -> Component:
    """Part `name` with the ports `http` (S3, metrics) and `console`.

    MinIO wants at least 3 characters of `access_key` and 8 of `secret_key`; neither may break the line.
    The keys are read from a file of mode 0600, because an environment can be read from outside the process. Metrics
    are open, as in the platform, where only Prometheus reaches them.
    """
    return Component(
        name=name,
        app="minio",
        argv=(
            *(str(binary), "server", str(directory / "data")),
            *("--address", f"127.0.0.1:{ports['http']}"),
            *("--console-address", f"127.0.0.1:{ports['console']}"),
        ),
        ready=Ready(by="http", path="/minio/health/cluster"),
        ports=dict(ports),
        files={_ENV_FILE: env_file(access_key, secret_key)},
        env={"MINIO_CONFIG_ENV_FILE": str(directory / _ENV_FILE)},
    )


def env_file(access_key: str, secret_key: str) -> str:
    """MinIO's settings as the file that MINIO_CONFIG_ENV_FILE names."""
    settings = {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_PROMETHEUS_AUTH_TYPE": "public",
        "MINIO_UPDATE": "off",
        "MINIO_BROWSER": "off",
    }
    # MinIO takes off one pair of quotes and reads the rest as it stands (cmd/common-main.go, `parsEnvEntry`).
    return "".join(f'export {key}="{value}"\n' for key, value in settings.items())
