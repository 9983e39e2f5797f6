"""What only the local provider promises: ports, and that nothing outlives a harness that is killed."""

import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fawkes.harness.errors import ProviderError
from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.ledger import RUN_MARK, Ledger, collect
from fawkes.harness.providers.local.ports import Ports

HOLDER = """
import random, signal, sys
from pathlib import Path
from fawkes.harness.components.exporter import beacon
from fawkes.harness.components.postgres import postgres
from fawkes.harness.eventually import RealClock
from fawkes.harness.providers.local import LocalProvider
from fawkes.harness.ledger import Ledger
from fawkes.harness.providers.local.ports import Ports
here, run_id = Path(sys.argv[1]), sys.argv[2]
ports = Ports(random.Random())
provider = LocalProvider(here, run_id, ports=ports, ledger=Ledger(here / "state", run_id), clock=RealClock())
database = postgres(
    port=ports.port("postgres-0", "postgres"), password="p", directory=provider.part_directory("postgres-0")
)
print("starting", flush=True)
provider.start([*database, beacon(port=ports.port("beacon-0"), run_id=run_id, value=1)])
print("up", flush=True)
signal.pause()
"""


def marked(run_id: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(RUN_MARK) == run_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def shared_memory_segments() -> set[str]:
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines}


def test_two_runs_never_get_the_same_port():
    one, two = Ports(random.Random(5)), Ports(random.Random(5))
    try:
        chosen = {ports.port(f"part-{n}") for ports in (one, two) for n in range(50)}
        assert len(chosen) == 100
    finally:
        one.close()
        two.close()


def test_a_port_is_the_same_each_time_and_free_at_the_end():
    ports = Ports(random.Random(6))
    port = ports.port("a")
    assert ports.port("a") == port
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    ports.close()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


def test_the_part_listens_on_a_port_that_stays_held_before_and_after_it():
    ports = Ports(random.Random(7))
    port = ports.port("a")
    for _life in range(2):
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    ports.close()


def test_a_busy_port_is_named_with_its_holder_and_a_remedy():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ProviderError, match=rf"port {port}, wanted for grafana.*pid {os.getpid()}.*--port"):
            Ports(random.Random(), {("grafana", "http"): port}).port("grafana")


@pytest.mark.platform
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["starting", "up"])
def test_nothing_survives_a_harness_that_is_killed(tmp_path, moment):
    run_id = f"killed-{moment}-{os.getpid()}"
    before = shared_memory_segments()
    owner = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path), run_id], stdout=subprocess.PIPE, text=True)
    for line in owner.stdout:
        if line.strip() == moment:
            break
    if moment == "up":
        assert len(marked(run_id)) >= 2, "the parts run before the kill"
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    # PostgreSQL's backends notice within moments that their postmaster is gone.
    eventually("no process of the run", lambda: marked(run_id), lambda left: not left, within_s=10, clock=RealClock())
    assert shared_memory_segments() <= before
    done = collect(tmp_path / "state", no_cluster)
    assert done.runs == [run_id]
    assert not (tmp_path / "parts").exists(), "gc deletes the data of a crashed run"
    assert collect(tmp_path / "state", no_cluster).runs == []


def no_cluster(record):
    raise AssertionError(f"{record}: this run had no cluster")


def test_gc_touches_nothing_of_a_run_whose_owner_lives(tmp_path):
    ledger = Ledger(tmp_path, "alive")
    data = tmp_path / "data"
    data.mkdir()
    ledger.data(data)
    assert collect(tmp_path, no_cluster).runs == []
    assert data.is_dir()
    ledger.close()


def test_gc_does_not_kill_a_process_that_got_a_dead_ones_number(tmp_path):
    """The pid in the ledger is ours, but its start time is not."""
    (tmp_path / "old.jsonl").write_text(
        f'{{"owner": {2**22}, "started_s": 1.0, "run_id": "old"}}\n{{"pid": {os.getpid()}, "started_s": 1.0}}\n{{"pid": 12'
    )
    done = collect(tmp_path, no_cluster)
    assert (done.runs, done.processes) == (["old"], 0)


def test_a_state_directory_without_permission_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProviderError, match="XDG_STATE_HOME"):
        Ledger(tmp_path / "file", "r")
