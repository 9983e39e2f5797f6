"""A look inside real processes of this machine, recorded and judged."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.model import Verdict
from fawkes.harness.providers.local.inspect import inside
from fawkes.harness.providers.local.process import signal_group
from fawkes.harness.toolchain.pins import pins
from fawkes.harness.world import Inside
from free_ports import free_ports
from live_world import built
from onlooker import SECRET, Onlooker

pytestmark = pytest.mark.slow

SERVE = """
import os, socket, sys, time
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
if "--child" in sys.argv and os.fork() == 0:
    sockets.append(socket.create_server(("127.0.0.1", 0)))
print(*(one.getsockname()[1] for one in sockets), flush=True)
time.sleep(600)
"""
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user, or make a network")


class Parts(Onlooker):
    """Parts that are processes, which `start` starts."""

    def __init__(self, stack, directory):
        self._stack, self.directory, self._inside = stack, directory, {}
        super().__init__(self._inside.__getitem__)

    def start(self, argv, ports=(), **popen):
        """Part `it-N`; the numbers that it prints first get the names in `ports`."""
        process = subprocess.Popen(
            argv, cwd=self.directory, stdout=subprocess.PIPE, text=True, process_group=0, **popen
        )
        self._stack.callback(lambda: (signal_group(process.pid, signal.SIGKILL), process.communicate()))
        numbers = map(int, process.stdout.readline().split())
        part = f"it-{len(self.parts)}"
        self._inside[part] = inside(process.pid, dict(zip(ports, numbers, strict=False)))
        self.parts.append(part)
        return process


@pytest.fixture
def parts(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Parts(stack, tmp_path)


def serve(*arguments):
    return [sys.executable, "-c", SERVE, *arguments]


def test_flags_as_they_were_given(parts):
    parts.start(serve("1", "--keep=30d", "--on", "--many=1", "--many=2"))
    seen, finding = parts.look("it", flags={"keep": "30d", "on": True, "danger": False})
    assert finding.verdict is Verdict.PASS, finding.reason
    assert seen[0]["seen"] == {"keep": ["30d"], "on": [True], "danger": []}
    for wrong in ({"keep": "29d"}, {"on": False}, {"many": 1}):
        assert parts.look("it", flags=wrong)[1].verdict is Verdict.FAIL


def test_a_flag_that_is_a_secret_is_not_recorded(parts):
    parts.start(serve("1", f"--password=x{SECRET}"))
    seen, finding = parts.look("it", flags={"password": "x"})
    assert seen[0]["seen"] == {"password": ["(a secret of the run)"]}
    assert finding.verdict is Verdict.FAIL


def test_ports_of_the_process_and_of_its_children_and_of_nobody_else(parts):
    parts.start(serve("2"), ports=("http", "grpc"))
    assert parts.look("it", listens=["http", "grpc"])[1].verdict is Verdict.PASS
    assert "listens on" in parts.look("it", listens=["http"])[1].reason
    parts.start(serve("1", "--child"), ports=("http",))
    seen, finding = parts.look("it", listens=["http"])
    assert finding.verdict is Verdict.FAIL
    assert len(seen[1]["seen"]["sockets"]) == 2


def test_a_port_that_is_missing_fails_after_the_wait_and_an_unknown_one_is_told(parts):
    parts.start([sys.executable, "-c", "print(7, flush=True); import time; time.sleep(600)"], ports=("http",))
    assert parts.look("it", listens=["http"])[1].reason == "it-0: listens on nothing, not on 7"
    finding = parts.look("it", listens=["grpc"])[1]
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "it-0 has no port 'grpc'; it has http" in finding.reason


@root
def test_a_socket_for_the_whole_network_is_seen(parts):
    """In a network of its own, where nobody can reach it."""
    code = (
        "import socket, time; one = socket.create_server(('0.0.0.0', 9090)); print(9090, flush=True); time.sleep(600)"
    )
    unshare = shutil.which("unshare")
    parts.start([unshare, "--net", sys.executable, "-c", code], ports=("http",))
    finding = parts.look("it", listens=["http"])[1]
    assert finding.verdict is Verdict.FAIL
    assert finding.reason == "it-0: listens on 0.0.0.0 port 9090, which other machines may reach"


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ({"env": {"DSN": f"postgresql://u:{SECRET}@h/db"}}, "password in variable DSN"),
        ({"arguments": ["--dsn", SECRET]}, "password in argument 5"),
    ],
)
def test_a_secret_in_environment_or_arguments_is_told_by_name(parts, where, shown):
    parts.start(serve("1", *where.get("arguments", [])), env={"HOME": "/", **where.get("env", {})})
    seen, finding = parts.look("it", hides_secrets=True)
    assert finding.verdict is Verdict.FAIL
    assert finding.reason == f"it-0: shows {shown} to whoever may look at its processes"
    assert seen[0]["seen"]["looked_for"] == 2


def test_a_secret_in_a_childs_environment_is_found(parts):
    code = f"print(1, flush=True); import os, time; os.spawnlpe(os.P_NOWAIT, 'sleep', 'sleep', '600', {{'PATH': '/bin', 'X': '{SECRET}'}}); time.sleep(600)"
    script = parts.directory / "parent.py"
    script.write_text(code)
    parts.start([sys.executable, str(script)])
    found = lambda: parts.look("it", hides_secrets=True)[1].reason  # noqa: E731
    parts.eventually("the child's environment", found, lambda reason: "variable X" in reason, within_s=10)


def test_no_secret_anywhere_passes_and_says_how_much_was_looked_at(parts):
    parts.start(serve("1", "--child"), env={"HOME": "/", "LANG": "C"})
    seen, finding = parts.look("it", hides_secrets=True)
    assert finding.verdict is Verdict.PASS, finding.reason
    assert seen[0]["seen"]["words"] >= 2 * (5 + 2), "arguments and variables of both processes"


def test_files_and_what_may_be_done_with_them(parts):
    private, link = parts.directory / "it.yaml", parts.directory / "link"
    private.touch(mode=0o600)
    link.symlink_to(private)
    parts.start(serve("1"))
    own = os.geteuid()
    good = [
        {"path": "it.yaml", "at_most": "0640", "owner": own},
        {"path": str(link), "at_most": "0600"},
        {"path": "gone", "exists": False},
        {"path": "it.yaml/below", "exists": False},
    ]
    seen, finding = parts.look("it", files=good)
    assert finding.verdict is Verdict.PASS, finding.reason
    assert seen[0]["seen"]["it.yaml"] == {"mode": "0600", "owner": own}
    private.chmod(0o4604)
    assert parts.look("it", files=good)[1].reason == "it-0: it.yaml has mode 4604, at most 0640 is allowed"
    for wrong in ({"path": "gone"}, {"path": "it.yaml", "exists": False}, {"path": "it.yaml", "owner": own + 1}):
        assert parts.look("it", files=[wrong])[1].verdict is Verdict.FAIL


def test_a_file_that_a_flag_names(parts):
    (parts.directory / "it.yaml").touch(mode=0o640)
    parts.start(serve("1", "--config=it.yaml", "--two=a", "--two=b", "--none"))
    named = [{"flag": "config", "at_most": "0640"}]
    seen, finding = parts.look("it", files=named)
    assert (finding.verdict, set(seen[0]["seen"])) == (Verdict.PASS, {"--config"})
    (parts.directory / "it.yaml").chmod(0o644)
    assert parts.look("it", files=named)[1].reason == "it-0: --config has mode 0644, at most 0640 is allowed"
    for flag in ("two", "none", "absent"):
        finding = parts.look("it", files=[{"flag": flag}])[1]
        assert finding.verdict is Verdict.INCONCLUSIVE
        assert f"was not given one --{flag}=FILE" in finding.reason


def test_a_file_that_cannot_be_seen_is_not_taken_for_absent(parts):
    (parts.directory / "loop").symlink_to("loop")
    parts.start(serve("1"))
    finding = parts.look("it", files=[{"path": "loop/it", "exists": False}])[1]
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "loop/it leads through more than 40 links" in finding.reason


@root
def test_links_lead_to_the_parts_own_files_and_mounts(parts):
    """Its root is another than ours, as in a pod, and has a link that is absolute there."""
    new = parts.directory / "root"
    (new / "run" / "secrets").mkdir(parents=True)
    (new / "run" / "it.yaml").touch(mode=0o604)
    (new / "var").mkdir()
    (new / "var" / "run").symlink_to("/run")
    code = "import os, time; os.chroot('root'); os.chdir('/var'); print(1, flush=True); time.sleep(600)"
    mount = f'mount -t tmpfs -o ro none root/run/secrets && exec "{sys.executable}" -c "{code}"'
    parts.start([shutil.which("unshare"), "--mount", "/bin/sh", "-c", mount])
    for path in ("/var/run/it.yaml", "run/it.yaml", "../run/it.yaml"):
        reason = f"it-0: {path} has mode 0604, at most 0640 is allowed"
        assert parts.look("it", files=[{"path": path, "at_most": "0640"}])[1].reason == reason
    assert parts.look("it", mounts={"/var/run/secrets": "ro"})[1].verdict is Verdict.PASS
    assert parts.look("it", mounts={"/var/run/secrets": "none"})[1].verdict is Verdict.FAIL
    own = str(parts.directory)
    assert parts.look("it", files=[{"path": own, "exists": False}])[1].verdict is Verdict.PASS


@root
def test_whose_processes_they_are(parts):
    parts.start(["/bin/sh", "-c", "echo 1; read -r _; sleep 600"], user=65534, group=65534, stdin=subprocess.PIPE)
    seen, finding = parts.look("it", non_root=True)
    assert (seen[0]["seen"], finding.verdict) == ([65534], Verdict.PASS)
    parts.start(serve("1"))
    assert parts.look("it", non_root=True)[1].reason == "it-1: a process of it runs as root"


@root
def test_how_things_are_mounted(parts):
    """In a mount namespace of its own, with a read-only directory."""
    (parts.directory / "data").mkdir()
    mount = "mount -t tmpfs -o ro none data && echo 1 && exec sleep 600"
    parts.start([shutil.which("unshare"), "--mount", "/bin/sh", "-c", mount])
    data = str(parts.directory / "data")
    assert parts.look("it", mounts={data: "ro", f"{data}/no": "none"})[1].verdict is Verdict.PASS
    assert parts.look("it", mounts={data: "rw"})[1].reason == f"it-0: {data} is mounted ro, not rw"
    seen, finding = parts.look("it", read_only_root=True)
    writable = os.access("/", os.W_OK) and not os.statvfs("/").f_flag & os.ST_RDONLY
    assert seen[0]["seen"] == ("rw" if writable else "ro")
    assert finding.verdict is (Verdict.FAIL if writable else Verdict.PASS)


@pytest.mark.platform
def test_what_runs_tells_its_version_and_another_program_does_not(parts):
    binary, (port,) = built("alertmanager")["alertmanager"], free_ports(1)
    (parts.directory / "am.yml").write_text("{route: {receiver: none}, receivers: [{name: none}]}")
    own = f"--config.file=am.yml --storage.path=data --cluster.listen-address= --web.listen-address=127.0.0.1:{port}"
    parts.start(["/bin/sh", "-c", f"echo 1 && exec {binary} {own} 2>log.txt"])
    seen, finding = parts.look("it", binary="alertmanager")
    assert finding.verdict is Verdict.PASS, finding.reason
    assert seen[0]["seen"]["version"] == pins()["alertmanager"].version
    parts.start(serve("1"))
    finding = parts.look("it", binary="alertmanager")[1]
    assert finding.reason.startswith("it-1: what runs tells no version of alertmanager, pinned is ")


def test_a_part_that_has_ended_is_inconclusive(parts):
    process = parts.start(serve("1"))
    process.kill()
    process.wait()
    for demand in ({"flags": {"x": False}}, {"listens": []}, {"hides_secrets": True}, {"non_root": True}):
        finding = parts.look("it", **demand)[1]
        assert finding.verdict is Verdict.INCONCLUSIVE, finding


def test_a_provider_that_cannot_look_is_inconclusive(parts):
    parts.start(serve("1"))

    def refuse(part: str) -> Inside:
        raise ProviderError(f"{part} does not run")

    parts.inside = refuse
    seen, finding = parts.look("it", non_root=True, flags={"x": True})
    assert [one["trouble"] for one in seen] == ["it-0 does not run"] * 2
    assert finding.verdict is Verdict.INCONCLUSIVE
