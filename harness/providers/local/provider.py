"""Runs components as child processes: ports first, configuration second, processes third, in dependency order."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx
import psutil

from fawkes.harness.child import run
from fawkes.harness.components.link import link_name
from fawkes.harness.errors import ComponentError, DeadlineExceeded, ProviderError, UsageError
from fawkes.harness.eventually import Clock, eventually
from fawkes.harness.ledger import Ledger
from fawkes.harness.model import Component
from fawkes.harness.providers.local.inspect import inside
from fawkes.harness.providers.local.ports import Ports
from fawkes.harness.providers.local.process import signal_group, spawn
from fawkes.harness.providers.refusals import no_such_part, no_such_port, refuse_endless_waits
from fawkes.harness.world import Inside

_START_POLL_S: Final = 0.03
"""Readiness is asked often: a part that is ready starts the next ones."""
_ASK_WITHIN_S: Final = 2.0
"""For one readiness request on loopback; a part that is slower is asked again."""
STOP_WITHIN_S: Final = 10.0
"""Between the polite signal and SIGKILL. Prometheus flushes its head in well under this."""


class LocalProvider:
    """Provider with every ability. A part has a directory `parts/NAME` and a log `logs/NAME.log` below `directory`."""

    name = "local"

    def __init__(
        self,
        directory: Path,
        run_id: str,
        *,
        ports: Ports,
        ledger: Ledger,
        clock: Clock,
        stop_within_s: float = STOP_WITHIN_S,
    ) -> None:
        self._directory, self._run_id, self._ports, self._clock = directory, run_id, ports, clock
        self._stop_within_s = stop_within_s
        self._components: dict[str, Component] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ready: set[str] = set()
        self._http = httpx.Client(timeout=_ASK_WITHIN_S, trust_env=False)
        self._ledger = ledger
        self._ledger.data(directory / "parts")
        (directory / "logs").mkdir(parents=True, exist_ok=True)

    def part_directory(self, part: str) -> Path:
        """Where a part keeps its configuration and data."""
        return self._directory / "parts" / part

    def start(self, components: Sequence[Component]) -> None:
        refuse_endless_waits(components, self._components)
        self._components |= {component.name: component for component in components}
        waiting = [c.name for c in components]
        within_s = max((c.ready.within_s for c in components), default=0.0)
        eventually(
            "every part to be ready",
            lambda: self._advance(waiting),
            lambda missing: not missing,
            within_s=within_s,
            every_s=_START_POLL_S,
            clock=self._clock,
        )

    def running(self) -> Sequence[str]:
        return [name for name, process in self._processes.items() if process.poll() is None]

    def url(self, part: str, port: str = "http") -> str:
        component = self._component(part)
        if port not in component.ports:
            raise no_such_port(part, port, component.ports)
        return f"http://127.0.0.1:{component.ports[port]}"

    def log_tail(self, part: str, lines: int = 20) -> str:
        path = self._log(part)
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def rss_bytes(self) -> Mapping[str, int]:
        return {name: _tree_rss_bytes(self._processes[name].pid) for name in self.running()}

    def cpu_s(self) -> float:
        """Nothing: its processes are all ours."""
        return 0.0

    def kill(self, part: str) -> None:
        self._component(part)
        process = self._processes[part]
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        self._ready.discard(part)

    def revive(self, part: str) -> None:
        component = self._component(part)
        self._ready.discard(part)
        self._processes.pop(part, None)
        self.start([component])

    def pause(self, part: str) -> None:
        self._component(part)
        signal_group(self._processes[part].pid, signal.SIGSTOP)

    def resume(self, part: str) -> None:
        self._component(part)
        signal_group(self._processes[part].pid, signal.SIGCONT)

    def partition(self, parts: Sequence[str]) -> None:
        for link in self._links(parts):
            self.pause(link)

    def heal(self, parts: Sequence[str]) -> None:
        for link in self._links(parts):
            self.resume(link)

    def inside(self, part: str) -> Inside:
        component, process = self._component(part), self._processes.get(part)
        if process is None or process.poll() is not None:
            raise ProviderError(f"{part} does not run, so nobody can look inside; its log is {self._log(part)}")
        return inside(process.pid, component.ports)

    def close(self) -> None:
        """Those that depend on others go first; a part that ignores the polite signal is killed."""
        by_depth: dict[int, list[str]] = {}
        for name in self._processes:
            by_depth.setdefault(self._depth(name), []).append(name)
        for depth in sorted(by_depth, reverse=True):
            self._stop(by_depth[depth])
        self._processes.clear()
        self._ports.close()
        self._http.close()

    def discard_data(self) -> None:
        """Delete the parts' directories (data and configuration with secrets); logs stay."""
        shutil.rmtree(self._directory / "parts", ignore_errors=True)

    # --- starting -----------------------------------------------------------------------------------------

    def _advance(self, names: Sequence[str]) -> list[str]:
        """Launch what can be launched, ask who is ready; the names that are not ready yet. ComponentError ends it."""
        self._raise_if_dead(names)
        for name in names:
            component = self._components[name]
            if name not in self._processes and all(dep in self._ready for dep in component.after):
                self._launch(component)
            if name in self._processes and name not in self._ready and self._is_ready(component):
                self._ready.add(name)
        return [name for name in names if name not in self._ready]

    def _launch(self, component: Component) -> None:
        home = self.part_directory(component.name)
        try:
            home.mkdir(parents=True, exist_ok=True)
            for relative, text in component.files.items():
                _write_private(home / relative, text)
            process = spawn(
                component.argv,
                log=self._log(component.name),
                run_id=self._run_id,
                env=component.env,
                cwd=home,
                death_signal=component.death_signal,
                unprivileged=component.unprivileged,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ProviderError(f"cannot start {component.name}: {error}; {_remedy(error)}") from error
        self._processes[component.name] = process
        self._ledger.process(process.pid)

    def _is_ready(self, component: Component) -> bool:
        ready, process = component.ready, self._processes[component.name]
        if ready.by == "exit":
            return process.poll() == 0
        if process.poll() is not None:
            return False
        if ready.by == "tcp":
            return _accepts(component.ports[ready.port])
        if ready.by == "command":
            asked = run(ready.command, cwd=self._directory, environ=os.environ, within_s=_ASK_WITHIN_S)
            return asked.exit_code == 0
        try:
            return self._http.get(self.url(component.name, ready.port) + ready.path).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _raise_if_dead(self, names: Sequence[str]) -> None:
        """For the first part that has ended when it should not have; waiting longer is pointless."""
        for name in names:
            process = self._processes.get(name)
            code = process.poll() if process else None
            by_exit = self._components[name].ready.by == "exit"
            if code is not None and not (by_exit and code == 0):
                raise ComponentError(
                    name,
                    self._why_dead(name),
                    argv=self._components[name].argv,
                    exit_code=code,
                    log_tail=self.log_tail(name),
                )

    def _why_dead(self, name: str) -> str:
        if "address already in use" in self.log_tail(name, 50).lower():
            ports = ", ".join(str(p) for p in self._components[name].ports.values())
            return f"a port of it ({ports}) was taken by another process while it started; run again"
        return f"ended before it was ready; its whole log is {self._log(name)}"

    # --- stopping -----------------------------------------------------------------------------------------

    def _stop(self, names: Sequence[str]) -> None:
        """Ask all of them at once, then make sure."""
        asked = [name for name in names if self._processes[name].poll() is None]
        for name in asked:
            signal_group(self._processes[name].pid, self._components[name].stop_signal)
            signal_group(self._processes[name].pid, signal.SIGCONT)  # a paused part would not hear it
        with contextlib.suppress(DeadlineExceeded):
            eventually(
                "parts to stop",
                lambda: [name for name in asked if self._processes[name].poll() is None],
                lambda left: not left,
                within_s=self._stop_within_s,
                every_s=_START_POLL_S,
                clock=self._clock,
            )
        for name in names:
            signal_group(self._processes[name].pid, signal.SIGKILL)  # also what the part itself has started
            self._processes[name].wait()

    def _depth(self, name: str) -> int:
        return 1 + max((self._depth(dep) for dep in self._components[name].after), default=0)

    def _links(self, parts: Sequence[str]) -> list[str]:
        """The relays that stand between these parts (fawkes.harness.link)."""
        links = [link_name(part) for part in parts]
        if len(links) < 2 or not set(links) <= set(self._components):
            raise UsageError(f"{', '.join(parts)}: these parts don't talk to each other; nothing to partition")
        return links

    def _component(self, part: str) -> Component:
        if part not in self._components:
            raise no_such_part(part, self._components)
        return self._components[part]

    def _log(self, part: str) -> Path:
        return self._directory / "logs" / f"{part}.log"


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_ASK_WITHIN_S):
            return True
    except OSError:
        return False


def _tree_rss_bytes(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        return sum(p.memory_info().rss for p in [root, *root.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _remedy(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "run `harness doctor` to see which binaries are missing"
    if isinstance(error, PermissionError):
        return "check the permissions of that path"
    if isinstance(error, OSError):
        return "free space or permissions on the run directory, or choose another with --runs DIR"
    return "PostgreSQL refuses to run as root and this kernel allows no user namespaces: run as an ordinary user"
