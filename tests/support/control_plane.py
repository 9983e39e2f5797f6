"""A real API server with etcd and controllers as processes of this machine: all of Kubernetes but nodes."""

import contextlib
import json
import os
import secrets
import signal
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.providers.local.process import child_of_ours
from fawkes.harness.toolchain import Miss, cache_directory, find
from free_ports import free_ports

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
_UP_WITHIN_S = 60.0
_OF_FOLDERS: dict[Path, tuple[contextlib.ExitStack, "ControlPlane"]] = {}


@dataclass(frozen=True)
class ControlPlane:
    kubeconfig: Path
    kubectl: Path
    directory: Path
    """For logs."""
    http: httpx.Client
    """For what neither the client's package nor kubectl offers, or not fast enough."""

    def running(self, *argv: str) -> contextlib.AbstractContextManager[None]:
        """Another process that finds the server by its environment, as the operator does."""
        return _running(self.directory, argv, {"KUBECONFIG": str(self.kubeconfig)})

    def set_status(self, kind: str, namespace: str, name: str, status: dict) -> None:
        """What a controller or kubelet would say of an object."""
        at = ["--kubeconfig", str(self.kubeconfig), "--namespace", namespace]
        patch = ["patch", kind, name, "--subresource=status", "--type=merge", "--patch", json.dumps({"status": status})]
        subprocess.run([str(self.kubectl), *at, *patch], check=True, capture_output=True, timeout=30)


@contextlib.contextmanager
def control_plane(directory: Path) -> Iterator[ControlPlane]:
    """Skips where its binaries are not built."""
    found = {name: find(name, environ=os.environ, cache_dir=cache_directory(os.environ)) for name in BINARIES}
    if missing := [name for name, binary in found.items() if isinstance(binary, Miss)]:
        pytest.skip(f"not built: {', '.join(missing)} (`harness toolchain build --cluster`)")
    path = {name: str(binary.path) for name, binary in found.items()}
    client_port, peer_port, api_port = free_ports(3)
    token = secrets.token_urlsafe()
    _write_keys(directory, token)
    kubeconfig = _write_kubeconfig(directory, api_port, token)
    etcd, api = f"http://127.0.0.1:{client_port}", f"https://127.0.0.1:{api_port}"
    with contextlib.ExitStack() as stack:
        start = lambda *argv: stack.enter_context(_running(directory, argv))  # noqa: E731
        peers = f"http://127.0.0.1:{peer_port}"
        start(
            path["etcd"],
            f"--data-dir={directory / 'etcd'}",
            *(f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}"),
            *(f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"),
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        )
        start(
            path["kube-apiserver"],
            f"--etcd-servers={etcd}",
            *("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={api_port}"),
            *(f"--tls-cert-file={directory / 'server.pem'}", f"--tls-private-key-file={directory / 'server.key'}"),
            f"--token-auth-file={directory / 'tokens.csv'}",
            *("--authorization-mode=RBAC", f"--service-account-issuer={api}", "--service-cluster-ip-range=10.0.0.0/24"),
            f"--service-account-key-file={directory / 'accounts.key'}",
            f"--service-account-signing-key-file={directory / 'accounts.key'}",
            "--endpoint-reconciler-type=none",  # its own endpoint may not be loopback
        )
        trust = str(directory / "authority.pem")
        to_server = {
            "verify": ssl.create_default_context(cafile=trust),
            "headers": {"Authorization": f"Bearer {token}"},
        }
        http = stack.enter_context(httpx.Client(base_url=api, trust_env=False, timeout=30, **to_server))
        ready = lambda: http.get("/readyz").status_code  # noqa: E731
        eventually("an API server", ready, lambda code: code == 200, within_s=_UP_WITHIN_S, clock=RealClock())
        start(
            path["kube-controller-manager"],
            f"--kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            "--controllers=*,-node-lifecycle-controller",  # a node of a test has no kubelet and is not dead for that
            f"--service-account-private-key-file={directory / 'accounts.key'}",
        )
        yield ControlPlane(kubeconfig, Path(path["kubectl"]), directory, http)


def plane_of_folder(request: pytest.FixtureRequest, directories: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """For a fixture `plane` of scope module: one for all modules of a folder, which ends with the last that needs it.

    Idle it keeps 8 % of a core busy, which for the rest of a session adds up.
    """
    folder = request.path.parent
    if folder not in _OF_FOLDERS:
        stack = contextlib.ExitStack()
        _OF_FOLDERS[folder] = stack, stack.enter_context(control_plane(directories.mktemp("plane")))
    yield _OF_FOLDERS[folder][1]
    users = [one.path for one in request.session.items if one.path.parent == folder and "plane" in one.fixturenames]
    if users[-1] == request.path:
        _OF_FOLDERS.pop(folder)[0].close()


@contextlib.contextmanager
def _running(directory: Path, argv: tuple[str, ...], environ: Mapping[str, str] | None = None) -> Iterator[None]:
    with (directory / f"{Path(argv[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            argv,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
            preexec_fn=child_of_ours(signal.SIGKILL),  # noqa: PLW1509
        )
        try:
            yield
        finally:
            process.kill()
            process.wait(30)


def _write_keys(directory: Path, token: str) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    server = authority.issue_cert("127.0.0.1")
    server.private_key_pem.write_to_path(str(directory / "server.key"))
    server.cert_chain_pems[0].write_to_path(str(directory / "server.pem"))
    accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (directory / "accounts.key").write_bytes(accounts)
    (directory / "tokens.csv").write_text(f'{token},tester,1,"system:masters"\n')


def _write_kubeconfig(directory: Path, port: int, token: str) -> Path:
    authority = str(directory / "authority.pem")
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "it", "cluster": {"server": f"https://127.0.0.1:{port}", "certificate-authority": authority}}
        ],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(content))
    return path
