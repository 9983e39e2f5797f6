"""Keeps a platform running for a person to look at: `harness up`, `harness down`, `harness run --keep`.

`up` starts this module as a process of its own, in a session of its own, which holds the platform until it is told
to end; its parts die with it, whatever happens.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from fawkes.harness.blueprint import bare_blueprint
from fawkes.harness.environment import Environment
from fawkes.harness.errors import DeadlineExceeded, HarnessError, ProviderError, UsageError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.ledger import kept_runs
from fawkes.harness.providers.existing.target import Target
from fawkes.harness.run import Say
from fawkes.harness.session import ProviderName, new_run_id, venue_of
from fawkes.harness.signals import listen
from fawkes.harness.site import PlatformSite
from fawkes.harness.toolchain import PLATFORM_BINARIES, provide
from fawkes.harness.venue import Opening

_UP_WITHIN_S: Final = {"local": 90.0, "kind": 600.0, "existing": 900.0}
"""Locally every part has 60 s to become ready; the rest is rendering and forking. A cluster and a platform on it take
two minutes on an idle machine (docs/measured.md), images that are made first three more."""
_DOWN_WITHIN_S: Final = 60.0
"""A part is killed 10 s after the polite signal, and parts stop in four waves."""
_HOLD_S: Final = 3600.0

Ports = dict[tuple[str, str], int]


def parse_ports(wishes: Sequence[str]) -> Ports:
    """`prometheus-core-0=9090` or `receivers-0/smtp=2525` as {(part, port name): number}. UsageError otherwise."""
    ports: Ports = {}
    for wish in wishes:
        name, _, number = wish.partition("=")
        part, _, port = name.partition("/")
        if not part or not number.isdigit() or not 0 < int(number) < 65536:
            raise UsageError(f"--port {wish}: write PART=NUMBER, for example --port prometheus-core-0=9090")
        ports[part, port or "http"] = int(number)
    return ports


def keep_up(
    ports: Ports, *, on: ProviderName, seed: int, runs: Path, say: Say, target: Target | None = None
) -> list[str]:
    """Start a platform that outlives this process, and return lines that tell its URLs. Raises what kept it down."""
    provide(PLATFORM_BINARIES, progress=say)
    if obstacle := venue_of(on).obstacle(os.environ):
        raise ProviderError(obstacle)
    directory = (runs / f"up-{new_run_id()}").absolute()
    try:
        directory.mkdir(parents=True)
        log = (directory / "keeper.log").open("wb")
    except OSError as error:
        raise ProviderError(f"cannot write {directory}: {error.strerror}; give another folder with --runs") from error
    wish = {
        "on": on,
        "ports": [[*key, number] for key, number in ports.items()],
        "seed": seed,
        "directory": str(directory),
        "target": asdict(target) if target else None,
    }
    with log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "fawkes.harness.keeper", json.dumps(wish)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    say("starting the platform")
    table = directory / "urls.json"
    try:
        eventually(
            "the platform to be up",
            table.exists,
            bool,
            within_s=_UP_WITHIN_S[on],
            clock=RealClock(),
            hopeless=lambda: "it has ended" if keeper.poll() is not None else None,
        )
    except DeadlineExceeded as error:
        keeper.terminate()
        raise ProviderError(f"the platform did not come up: {(directory / 'keeper.log').read_text()}") from error
    except KeyboardInterrupt:
        keeper.terminate()
        raise
    return [*_url_lines(json.loads(table.read_text())), f"logs: {directory}", "end it with: harness down"]


def hold_until_signal(environment: Environment, tell: Callable[[str], None]) -> None:
    """Let a person look around until Ctrl-C or `harness down`; then the run goes on."""
    environment.kept()
    for line in _url_lines(environment.urls()):
        tell(line)
    tell("the platform is kept; Ctrl-C or `harness down` ends it")
    try:
        while True:
            environment.poll_for(_HOLD_S)
    except KeyboardInterrupt:
        listen()


def take_down(state: Path) -> list[str]:
    """End every kept platform of this user and wait until it is gone. Run ids of those ended."""
    runs = kept_runs(state)
    for pid in runs.values():
        os.kill(pid, signal.SIGTERM)
    eventually(
        "kept platforms to be gone",
        lambda: sorted(set(kept_runs(state)) & set(runs)),
        lambda left: not left,
        within_s=_DOWN_WITHIN_S,
        clock=RealClock(),
    )
    return sorted(runs)


def _url_lines(urls: Mapping[str, str]) -> list[str]:
    width = max(map(len, urls))
    return [f"{part:{width}}  {url}" for part, url in sorted(urls.items())]


def _keep(wish: Mapping[str, object]) -> None:
    """The keeper's own life."""
    directory = Path(str(wish["directory"]))
    binaries = {name: b.path for name, b in provide(PLATFORM_BINARIES, progress=print).items()}
    clock = RealClock()
    fixed = {(part, name): number for part, name, number in wish["ports"]}  # type: ignore[attr-defined]
    target = Target(**wish["target"]) if wish["target"] else None  # type: ignore[arg-type]
    on = venue_of(wish["on"])  # type: ignore[arg-type]
    opening = Opening(directory.name, binaries, progress=print, fixed_ports=fixed, target=target)
    with contextlib.closing(on.open(opening)) as venue:
        blueprint = bare_blueprint(directory.name, int(str(wish["seed"])), venue.prefix)
        _hold(venue.site(directory, blueprint, clock), directory)


def _hold(site: PlatformSite, directory: Path) -> None:
    try:
        environment = Environment(site, [])
        environment.start()
        environment.kept()
        partial = directory / "urls.partial"
        partial.write_text(json.dumps(dict(environment.urls())))
        partial.replace(directory / "urls.json")
        while True:
            environment.poll_for(_HOLD_S)
    finally:
        site.close()


def _main() -> None:
    listen()
    try:
        _keep(json.loads(sys.argv[1]))
    except KeyboardInterrupt:
        pass
    except HarnessError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main()
