"""How the harness reaches into a cluster that it didn't make: `kubectl port-forward`, behind addresses that stay."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fawkes.harness.errors import ProviderError
from fawkes.harness.kubernetes.whereabouts import Whereabouts
from fawkes.harness.ledger import RUN_MARK, Ledger
from fawkes.harness.operator.objects import Manifest
from fawkes.harness.providers.existing.forwarder import Route
from fawkes.harness.providers.local.process import child_of_ours
from fawkes.harness.venue import FixedPorts

_MODULE: Final = "fawkes.harness.providers.existing.forwarder"
_BACKLOG: Final = 128
"""Connections that wait while the first of them has a tunnel opened."""
_ENDS_WITHIN_S: Final = 10.0
"""It has nothing to finish; ten seconds are for a machine that swaps."""


class PortForwards:
    """A Reach. An address is there when it is first asked for; it leads somewhere when the part is placed.

    One process (forwarder.py) has all of them; it is started with the first part, from the main thread.
    """

    def __init__(
        self,
        kubeconfig: Path,
        context: str,
        kubectl: Sequence[str],
        *,
        log: Path,
        ledger: Ledger,
        run_id: str,
        fixed: FixedPorts = MappingProxyType({}),
    ) -> None:
        """`kubectl`: the command with the cluster's flags. `fixed`: ports that a person wants."""
        self._settings = {"kubeconfig": str(kubeconfig), "context": context, "kubectl": list(kubectl)}
        self._log, self._ledger, self._run_id, self._fixed = log, ledger, run_id, fixed
        self._ports: dict[tuple[str, str], int] = {}
        self._waiting: dict[tuple[str, str], socket.socket] = {}
        """Bound and not yet handed over."""
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def address(self, part: str, port: str) -> str:
        key = (part, port)
        if key not in self._ports:
            self._waiting[key] = self._bound(key)
            self._ports[key] = int(self._waiting[key].getsockname()[1])
        return f"127.0.0.1:{self._ports[key]}"

    def manifests(self, part: str, where: Whereabouts) -> list[Manifest]:
        """Nothing is to be applied: from now on the part's addresses lead there."""
        for port, target in where.ports.items():
            self.address(part, port)
            if (listening := self._waiting.pop((part, port), None)) is not None:
                selector = ",".join(f"{key}={value}" for key, value in where.labels.items())
                self._hand_over(listening, Route(f"{part}/{port}", where.namespace, selector, target))
        return []

    def close(self) -> None:
        """All addresses are free again. Twice is fine."""
        for waiting in self._waiting.values():
            waiting.close()
        self._waiting.clear()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _bound(self, key: tuple[str, str]) -> socket.socket:
        wanted = self._fixed.get(key, 0)
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            bound.bind(("127.0.0.1", wanted))
        except OSError as error:
            bound.close()
            raise ProviderError(
                f"port {wanted}, wanted for {key[0]}: {error.strerror}; stop what has it, or choose another with --port"
            ) from error
        return bound

    def _hand_over(self, listening: socket.socket, route: Route) -> None:
        if self._control is None:
            self._start()
        assert self._control is not None
        listening.listen(_BACKLOG)
        with listening:
            try:
                socket.send_fds(self._control, [json.dumps(asdict(route)).encode()], [listening.fileno()])
            except OSError as error:
                raise ProviderError(f"the port-forwards have ended; see {self._log}") from error

    def _start(self) -> None:
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = json.dumps({"control": other.fileno(), **self._settings})
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with other, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # All of the environment, for plugins that kubectl asks for credentials.
                env={**os.environ, RUN_MARK: self._run_id},
                pass_fds=(other.fileno(),),
                start_new_session=True,
                preexec_fn=child_of_ours(signal.SIGKILL),  # noqa: PLW1509 - no other thread runs here
            )
        self._ledger.process(self._process.pid)
