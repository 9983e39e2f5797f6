"""Kill the harness with SIGKILL while it makes a cluster, applies the platform, runs and deletes; count what gc leaves.

Then the same with Ctrl-C, after which nothing may be left without gc. Looks at containers, images, networks and volumes
(by Docker where one answers, else in the directory of the engine of our own), bridges, processes, the ports they listen
on, and files of clusters and runs. First a run is let to its end, to know how long each phase takes.

Root only: it works in a network and a process table of its own, so whatever is there is of its runs, and the engine is
one of our own. `--shared` keeps that engine in use by another harness, so that it doesn't end, and clean up, by itself.

Example: .venv/bin/python bench/kind_sigkill.py --times 2 --seed 1
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from fawkes.harness.errors import DeadlineExceeded
from fawkes.harness.eventually import RealClock, eventually, poll_for
from fawkes.harness.images.docker import Answering, engine_directory, look, own_address
from fawkes.harness.images.own_engine import own_engine

HARNESS = Path(sys.executable).with_name("harness")
SCENARIO = "smoke"
PHASES = {"create": "", "apply": ": start", "run": ": observe", "delete": ": stop"}
"""Phase -> what the harness says when it begins. Nothing is said before the cluster: it begins with its ledger."""
GONE_WITHIN_S = 30.0
"""After `gc`, which itself waits for what it ends; the keeper of an engine that nobody uses any more is on its own."""
ENDS_WITHIN_S = 300.0
"""After Ctrl-C: parts, platform and cluster are taken down in half a minute on an idle machine."""
OWN = ("unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c")
INSIDE = "FAWKES_BENCH_INSIDE"
"""Set in the network and process table of its own."""

Things = dict[str, set[str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=2, help="per phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--signals", nargs="*", choices=("KILL", "INT"), default=["KILL", "INT"])
    parser.add_argument("--shared", action="store_true", help="the engine is in use by another harness all the time")
    wish = parser.parse_args()
    if INSIDE not in os.environ:
        # sh stays, as the first process of the table: it takes in those whose parent has died.
        script = f"ip link set lo up && {shlex.join([sys.executable, *sys.argv])}; exit $?"
        environ = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        os.execvpe(OWN[0], [*OWN, script], {**environ, "DOCKER_CONTEXT": "default", INSIDE: "yes"})
    with contextlib.ExitStack() as stack:
        if wish.shared:
            stack.enter_context(own_engine(environ=os.environ, clock=RealClock(), progress=_say))
        sys.exit(1 if _all(wish) else 0)


def _all(wish: argparse.Namespace) -> int:
    """How much was left over."""
    rng, left_over = random.Random(wish.seed), 0
    lasts_s = {phase: end - begin for phase, (begin, end) in _uninterrupted().items()}
    _say("a whole run: " + ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in lasts_s.items()))
    for name, phase, _ in itertools.product(wish.signals, PHASES, range(wish.times)):
        moment_s = rng.uniform(0.0, lasts_s[phase])
        before_gc, after_gc = end_once(signal.Signals[f"SIG{name}"], phase, moment_s)
        left_over += len(after_gc)
        by_itself = f"{_counted(before_gc)}; after gc: " if name == "KILL" else ""
        _say(f"{phase:6} {name:4} after {moment_s:5.1f} s: {by_itself}{_counted(after_gc)}")
        for one in after_gc:
            _say(f"    {one}")
    _say(f"{wish.times * len(PHASES) * len(wish.signals)} ended early, {left_over} left over")
    return left_over


def end_once(number: signal.Signals, phase: str, moment_s: float) -> tuple[list[str], list[str]]:
    """What is there after the kill that wasn't before the run; what is there at last, after SIGKILL by `harness gc`."""
    with _scratch() as (scratch, environ):
        before = things(scratch, environ)
        owner = _start(scratch, environ)
        _await(owner, scratch, phase)
        poll_for(moment_s, clock=RealClock())
        os.killpg(owner.pid, number) if number == signal.SIGINT else owner.send_signal(number)
        owner.communicate(timeout=ENDS_WITHIN_S)
        after_end = _new(before, things(scratch, environ))
        if number == signal.SIGKILL:
            subprocess.run([str(HARNESS), "gc"], env=environ, check=True, stdout=subprocess.DEVNULL)
        with contextlib.suppress(DeadlineExceeded):
            eventually(
                "nothing left",
                lambda: _new(before, things(scratch, environ)),
                lambda left: not left,
                within_s=GONE_WITHIN_S,
                clock=RealClock(),
            )
        return after_end, _new(before, things(scratch, environ))


def things(scratch: Path, environ: Mapping[str, str]) -> Things:
    """Everything that a run could leave on this machine, by kind."""
    running = [one for one in psutil.process_iter(["name", "status"]) if one.info["status"] != psutil.STATUS_ZOMBIE]
    sockets = [one for one in psutil.net_connections("tcp") if one.laddr and one.status == psutil.CONN_LISTEN]
    files = [*scratch.glob("fawkes-harness/**/*"), *scratch.glob("runs/*/*/parts"), *scratch.glob("tmp/*")]
    return {
        **_in_docker(environ),
        "bridges": {name for name in psutil.net_if_addrs() if name.startswith("br-")},
        "processes": {f"{one.info['name']}:{one.pid}" for one in running},
        "ports": {str(one.laddr.port) for one in sockets if one.laddr},
        "files": {str(path) for path in files if path.is_file()},
    }


def _in_docker(environ: Mapping[str, str]) -> Things:
    own = {**environ, "DOCKER_HOST": own_address(environ)}
    engine = look(own)
    if isinstance(engine, Answering):
        listings = {
            "containers": ["ps", "--all", "--format", "{{.Names}}"],
            "networks": ["network", "ls", "--format", "{{.Name}}"],
            "volumes": ["volume", "ls", "--quiet"],
            "images": ["image", "ls", "--all", "--quiet"],
        }
        return {kind: set(_asked([engine.client, *words], own)) for kind, words in listings.items()}
    data = engine_directory(environ) / "data"
    made = {kind: {path.name for path in data.glob(f"{kind}/*/")} for kind in ("containers", "volumes")}
    return {**made, "images": {path.name[:12] for path in data.glob("image/*/imagedb/content/sha256/*")}}


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
    said_last: deque[str] = deque(maxlen=5)
    for line in owner.stderr:
        said_last.append(line)
        if f"{SCENARIO}{said}" in line:
            return time.monotonic()
    sys.exit(f"the run ended before it said {said!r}:\n{''.join(said_last)}")


def _counted(left: list[str]) -> str:
    counts = Counter(one.split()[0] for one in left)
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())) or "nothing"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
