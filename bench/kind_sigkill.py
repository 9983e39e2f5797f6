"""Kill the harness with SIGKILL while it makes a cluster, applies the platform, runs and deletes; count what gc leaves.

Looks at containers, networks and volumes (by Docker where one answers, else in the directory of the engine of our own),
bridges, processes, and files of clusters and runs. First a run is let to its end, to know how long each phase takes.

Example: .venv/bin/python bench/kind_sigkill.py --times 2 --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.images.docker import Answering, engine_directory, look

HARNESS = Path(sys.executable).with_name("harness")
SCENARIO = "smoke"
PHASES = {"create": "", "apply": ": start", "run": ": workload", "delete": ": stop"}
"""Phase -> what the harness says when it begins. Nothing is said before the cluster: it begins with its ledger."""
LEFT_BY = ("containerd-shim", "docker-proxy", "dockerd", "kind", "kubelet", "kube-", "etcd")
GONE_WITHIN_S = 10.0
"""After `gc`, which itself waits for what it ends."""

Things = dict[str, set[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=2, help="per phase")
    parser.add_argument("--seed", type=int, default=1)
    wish = parser.parse_args()
    rng, left_over = random.Random(wish.seed), 0
    lasts_s = {phase: end - begin for phase, (begin, end) in _uninterrupted().items()}
    _say("a whole run: " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in lasts_s.items()))
    for phase in PHASES:
        for _ in range(wish.times):
            moment_s = rng.uniform(0.0, lasts_s[phase])
            before_gc, after_gc = kill_once(phase, moment_s)
            left_over += len(after_gc)
            _say(f"{phase:6} killed after {moment_s:5.1f} s: {_counted(before_gc)}; after gc: {_counted(after_gc)}")
    _say(f"{wish.times * len(PHASES)} kills, {left_over} left over")
    sys.exit(1 if left_over else 0)


def kill_once(phase: str, moment_s: float) -> tuple[list[str], list[str]]:
    """What is there after the kill that wasn't before the run, and what of it is there after `harness gc`."""
    clock = RealClock()
    with _scratch() as (scratch, environ):
        before = things(scratch, environ)
        owner = _start(scratch, environ)
        _await(owner, scratch, phase)
        poll_for(moment_s, clock=clock)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert owner.stderr is not None
        owner.stderr.close()
        after_kill = _new(before, things(scratch, environ))
        subprocess.run([str(HARNESS), "gc"], env=environ, check=True, stdout=subprocess.DEVNULL)
        with contextlib.suppress(DeadlineExceeded):
            eventually(
                "nothing left",
                lambda: _new(before, things(scratch, environ)),
                lambda left: not left,
                within_s=GONE_WITHIN_S,
                clock=clock,
            )
        return after_kill, _new(before, things(scratch, environ))


def things(scratch: Path, environ: Mapping[str, str]) -> Things:
    """Everything that a run could leave on this machine, by kind."""
    processes = set()
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith(LEFT_BY):
            processes.add(f"{process.info['name']}:{process.pid}")
    files = [*scratch.glob("fawkes-harness/**/*"), *scratch.glob("runs/*/*/parts"), *scratch.glob("tmp/*")]
    return {
        **_in_docker(environ),
        "bridges": {name for name in psutil.net_if_addrs() if name.startswith("br-")},
        "processes": processes,
        "files": {str(path) for path in files if path.is_file()},
    }


def _in_docker(environ: Mapping[str, str]) -> Things:
    engine = look(environ)
    if isinstance(engine, Answering):
        listings = {
            "containers": ["ps", "--all", "--format", "{{.Names}}"],
            "networks": ["network", "ls", "--format", "{{.Name}}"],
            "volumes": ["volume", "ls", "--quiet"],
        }
        return {kind: set(_asked([engine.client, *words], environ)) for kind, words in listings.items()}
    data = engine_directory(environ) / "data"
    return {kind: {path.name for path in data.glob(f"{kind}/*/")} for kind in ("containers", "volumes")}


def _asked(argv: list[str], environ: Mapping[str, str]) -> list[str]:
    return subprocess.run(argv, env=dict(environ), capture_output=True, text=True, check=True).stdout.split()


def _new(before: Things, after: Things) -> list[str]:
    return [f"{kind} {one}" for kind, found in after.items() for one in sorted(found - before.get(kind, set()))]


def _uninterrupted() -> dict[str, tuple[float, float]]:
    """Phase -> when it began and ended, of a run that nobody kills."""
    with _scratch() as (scratch, environ):
        owner = _start(scratch, environ)
        begins_s = [_await(owner, scratch, phase) for phase in PHASES]
        if owner.wait() != 0:
            sys.exit(f"{SCENARIO} does not pass here; make it pass first")
        ends_s = [*begins_s[1:], time.monotonic()]
    return dict(zip(PHASES, zip(begins_s, ends_s, strict=True), strict=True))


@contextlib.contextmanager
def _scratch() -> Iterator[tuple[Path, dict[str, str]]]:
    """A state directory, a folder for runs and one for temporary files of its own."""
    with tempfile.TemporaryDirectory(prefix="fawkes-sigkill-") as name:
        scratch = Path(name)
        (scratch / "tmp").mkdir()
        yield scratch, {**os.environ, "XDG_STATE_HOME": name, "TMPDIR": str(scratch / "tmp")}


def _start(scratch: Path, environ: Mapping[str, str]) -> subprocess.Popen[str]:
    words = [str(HARNESS), "run", SCENARIO, "--on", "kind", "--runs", str(scratch / "runs")]
    return subprocess.Popen(
        words,
        env=dict(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _await(owner: subprocess.Popen[str], scratch: Path, phase: str) -> float:
    """Until the phase begins; when that was."""
    said = PHASES[phase]
    if not said:
        ledgers = scratch / "fawkes-harness"
        eventually(
            "the cluster's ledger",
            lambda: list(ledgers.glob("fawkes-*.jsonl")),
            bool,
            within_s=300,
            clock=RealClock(),
            hopeless=lambda: None if owner.poll() is None else "the run has ended",
        )
        return time.monotonic()
    assert owner.stderr is not None
    for line in owner.stderr:
        if f"{SCENARIO}{said}" in line:
            return time.monotonic()
    sys.exit(f"the run ended before it said {said!r}")


def _counted(left: list[str]) -> str:
    counts = {kind: sum(one.startswith(f"{kind} ") for one in left) for kind in sorted({o.split()[0] for o in left})}
    return ", ".join(f"{number} {kind}" for kind, number in counts.items()) or "nothing"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
