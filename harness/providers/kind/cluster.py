"""A cluster of our own: made, attached to, and removed with everything that came with it."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple

from fawkes.harness.child import run
from fawkes.harness.errors import ProviderError, UsageError
from fawkes.harness.eventually import Clock
from fawkes.harness.extras import require_kind
from fawkes.harness.images.command import command
from fawkes.harness.images.docker import ANSWER_WITHIN_S, Answering, Docker, look
from fawkes.harness.images.freezer import thaw
from fawkes.harness.images.provide import ClusterImages
from fawkes.harness.ledger import RUN_MARK, Ledger, state_directory
from fawkes.harness.providers.kind.config import NODE_PORTS, kind_config, node_name
from fawkes.harness.providers.kind.leftovers import remove
from fawkes.harness.providers.kind.record import Record, clusters_directory, read_record
from fawkes.harness.providers.kind.wish import READY_WITHIN_S, Wish

_CREATE_WITHIN_S: Final = 300.0 + READY_WITHIN_S
"""kind itself: a minute on two cores that others use; it gives kubeadm four."""
_LOAD_WITHIN_S: Final = 120.0
"""6 s for 270 MB on an idle machine."""
_DELETE_WITHIN_S: Final = 120.0
_KUBECTL_WITHIN_S: Final = 30.0
"""For one question; a loaded API server takes seconds."""
_LIFECYCLE: Final = "fawkes.harness.providers.kind.lifecycle"
_LAST_LINES: Final = 20


class Ran(NamedTuple):
    """How a command in the node ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster of one node."""

    name: str
    kubeconfig: Path
    """Mode 0600; gone with the cluster."""
    node: str
    """Its node, in Docker and in Kubernetes."""
    host_ports: Mapping[int, int]
    """Port of the node -> port of 127.0.0.1 that leads there."""
    docker: Docker
    record: Record
    ledger: Ledger | None = field(default=None, repr=False)
    """Of whoever made it; None when only attached."""

    def node_exec(self, argv: Sequence[str], stdin: str | None = None, *, within_s: float) -> Ran:
        """Run a command as root in the node. ProviderError when it does not end in time, or can't be started."""
        interactive = ["--interactive"] if stdin is not None else []
        whole = [self.docker.client, "exec", *interactive, self.node, *argv]
        return _captured(whole, self.docker.environ, stdin, within_s)

    def call_kubectl(
        self, argv: Sequence[str], stdin: str | None = None, *, within_s: float = _KUBECTL_WITHIN_S
    ) -> str:
        """What kubectl prints on standard output. ProviderError with what it says when it fails."""
        whole = [self.record.kubectl, f"--kubeconfig={self.kubeconfig}", *argv]
        ran = _captured(whole, self.docker.environ, stdin, within_s)
        if ran.exit_code != 0:
            raise ProviderError(f"{shlex.join(whole)} ended with {ran.exit_code}: {ran.stderr.strip()}")
        return ran.stdout

    def address(self) -> str:
        """The node's in its Docker network; what its pods send to other nodes comes from there, too."""
        wanted = f'{{{{(index .NetworkSettings.Networks "{self.record.network}").IPAddress}}}}'
        argv = [self.docker.client, "container", "inspect", "--format", f"address={wanted}", self.node]
        lines = command(argv, environ=self.docker.environ, within_s=ANSWER_WITHIN_S)
        return next(line for line in lines if line.startswith("address=")).removeprefix("address=")

    def bring_up_to_date(self, services: Path) -> None:
        """Load the archive of our services unless it is in there: sources change, the cluster stays."""
        if self.record.services != str(services):
            self.load(services)
            replace(self.record, services=str(services)).write(self.kubeconfig.parent)

    def load(self, archive: Path) -> None:
        """Load an image into the node. ProviderError when kind says that it can't."""
        argv = [self.record.kind, "load", "image-archive", str(archive), "--name", self.name]
        ran = _captured(argv, self.docker.environ, None, _LOAD_WITHIN_S)
        if ran.exit_code != 0:
            raise ProviderError(f"{shlex.join(argv)} ended with {ran.exit_code}: {ran.stderr.strip()}")

    def call_it(self, image: str, name: str) -> None:
        """Give an image that is in the node another name, too. ProviderError when there is no such image."""
        argv = ["ctr", "--namespace=k8s.io", "images", "tag", "--force", *(f"docker.io/{one}" for one in (image, name))]
        ran = self.node_exec(argv, within_s=_LOAD_WITHIN_S)
        if ran.exit_code != 0:
            raise ProviderError(f"{self.node}: {shlex.join(argv)} ended with {ran.exit_code}: {ran.stderr.strip()}")

    def close(self) -> None:
        """Delete the cluster if it was made here; one that was attached to stays. Twice is fine.

        ProviderError when Docker refuses; then `harness gc` tries again.
        """
        if self.ledger is None or not self.kubeconfig.parent.exists():
            return
        directory = self.kubeconfig.parent
        nodes = self.docker.containers(self.record.containers())
        wish = _wish(self.record, directory)
        _lifecycle(
            "delete", wish, self.docker, self.record, directory, _DELETE_WITHIN_S, tick=functools.partial(thaw, nodes)
        )
        remove(self.docker, self.record)
        shutil.rmtree(directory)
        self.ledger.close()


def create(
    name: str,
    *,
    docker: Docker,
    images: ClusterImages,
    binaries: Mapping[str, Path],
    fixed_ports: Mapping[int, int],
    network: str | None = None,
    environ: Mapping[str, str],
    clock: Clock,
    progress: Callable[[str], None],
) -> Cluster:
    """A cluster whose own pods are ready, with our services' image in it. It and everything of it bears `name`.

    `fixed_ports`: port of the node -> port of 127.0.0.1 that is wanted for it. `network` is that of another cluster,
    which this one is to reach. ProviderError with kind's last words when it can't be made; then nothing of it is left.
    """
    require_kind()
    record = Record(
        name=name,
        network=network or name,
        docker_host=docker.address(),
        image=images.node,
        services=str(images.services),
        kind=str(binaries["kind"]),
        kubectl=str(binaries["kubectl"]),
    )
    directory = clusters_directory(environ) / name
    ledger = Ledger(state_directory(environ), name)
    ledger.data(directory)
    ledger.cluster(asdict(record))
    try:
        _write_directory(directory, record, fixed_ports)
        progress(f"cluster: making {name}")
        wish = _wish(record, directory, str(images.services))
        _lifecycle("create", wish, docker, record, directory, _CREATE_WITHIN_S, progress)
        return _running(record, docker, directory, ledger)
    except BaseException:
        remove(docker, record, settling=clock)
        shutil.rmtree(directory, ignore_errors=True)
        ledger.close()
        raise


def attach(name: str, *, environ: Mapping[str, str] = os.environ) -> Cluster:
    """A cluster that runs already, made by this user's harness. UsageError for one that wasn't or doesn't run."""
    record = read_record(name, environ=environ)
    own = {} if record.docker_host is None else {"DOCKER_HOST": record.docker_host}
    docker_environ = {**environ, **own}
    found = look(docker_environ)
    if not isinstance(found, Answering):
        raise UsageError(
            f"{name}: the Docker it ran in does not answer any more ({record.docker_host or 'the default one'}); "
            "run `harness gc`, and make a new one"
        )
    return _running(record, Docker(found.client, docker_environ), clusters_directory(environ) / name, None)


def _write_directory(directory: Path, record: Record, fixed_ports: Mapping[int, int]) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True)
        record.write(directory)
        (directory / "kind.yaml").write_text(kind_config(fixed_ports))
        (directory / "kubeconfig").touch(mode=0o600)
    except OSError as error:
        raise ProviderError(
            f"cannot write {directory}: {error.strerror}; make it writable or set XDG_STATE_HOME"
        ) from error


def _wish(record: Record, directory: Path, *archives: str) -> Wish:
    return Wish(
        name=record.name,
        kubeconfig=str(directory / "kubeconfig"),
        image=record.image,
        kind=record.kind,
        kubectl=record.kubectl,
        config=str(directory / "kind.yaml"),
        archives=archives,
    )


def _lifecycle(
    deed: str,
    wish: Wish,
    docker: Docker,
    record: Record,
    directory: Path,
    within_s: float,
    progress: Callable[[str], None] = lambda _: None,
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Let pytest-kind do it, in a child that dies with us. ProviderError with its last lines when it fails."""
    environ = {
        **docker.environ,
        "PATH": f"{Path(docker.client).parent}:{docker.environ.get('PATH', os.defpath)}",
        "KUBECONFIG": wish.kubeconfig,
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": record.network,
        "TMPDIR": str(directory),
        RUN_MARK: record.name,
    }
    argv = [sys.executable, "-m", _LIFECYCLE, deed, wish.words()]
    outcome = run(
        argv,
        cwd=directory,
        environ=environ,
        within_s=within_s,
        line=lambda text: progress(f"cluster: {text.strip()}"),
        tick=tick,
    )
    if outcome.exit_code != 0:
        how = f"took more than {within_s:g} s" if outcome.exit_code is None else f"failed ({outcome.exit_code})"
        last = "\n".join(outcome.lines[-_LAST_LINES:])
        raise ProviderError(
            f"cluster {record.name}: {deed} {how}; the last lines:\n{last}\nsee `harness doctor` for what Docker lacks"
        )


def _running(record: Record, docker: Docker, directory: Path, ledger: Ledger | None) -> Cluster:
    node = node_name(record.name)
    argv = [docker.client, "container", "inspect", "--format", "ports={{json .NetworkSettings.Ports}}", node]
    lines = command(argv, environ=docker.environ, within_s=ANSWER_WITHIN_S)
    ports = json.loads(next(line for line in lines if line.startswith("ports=")).removeprefix("ports="))
    host_ports = {
        int(match[1]): int(bound[0]["HostPort"])
        for name, bound in ports.items()
        if bound and (match := re.fullmatch(r"(\d+)/tcp", name)) and int(match[1]) in NODE_PORTS  # 6443 is the API's
    }
    if not host_ports:
        raise UsageError(f"{record.name}: its node {node} does not run any more; run `harness gc`, and make a new one")
    return Cluster(record.name, directory / "kubeconfig", node, host_ports, docker, record, ledger)


def _captured(argv: Sequence[str], environ: Mapping[str, str], stdin: str | None, within_s: float) -> Ran:
    try:
        done = subprocess.run(
            argv, env=dict(environ), input=stdin or "", capture_output=True, text=True, timeout=within_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ProviderError(
            f"{shlex.join(argv)} did not end within {within_s:g} s; see `docker stats`, and run again"
        ) from error
    except OSError as error:
        raise ProviderError(f"cannot run {argv[0]}: {error.strerror}; see `harness doctor`") from error
    return Ran(done.returncode, done.stdout, done.stderr)
