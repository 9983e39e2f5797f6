"""The relay passes bytes and datagrams both ways, and as a paused process it is a broken cable."""

import socket
import subprocess
import sys

import pytest

from fawkes.harness.components.link import link
from fawkes.harness.eventually import RealClock, eventually

pytestmark = pytest.mark.slow


class Echo:
    """A target that sends back what it gets, over TCP and UDP on one port."""

    def __init__(self):
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for one in (self.tcp, self.udp):
            one.settimeout(5)

    def close(self):
        self.tcp.close()
        self.udp.close()


@pytest.fixture
def echo():
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def relayed(echo, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    component = link("one", listen_port=port, target_port=echo.port)
    (tmp_path / "link.json").write_text(component.files["link.json"])
    process = subprocess.Popen(component.argv, cwd=tmp_path)
    clock = RealClock()
    eventually(
        "the relay to listen",
        lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close(),
        lambda _: True,
        within_s=10,
        clock=clock,
    )
    echo.tcp.accept()[0].close()  # that was the question whether it listens
    yield port
    process.terminate()
    assert process.wait(10) == 0


def test_tcp_passes_both_ways_and_the_end_is_passed_on_too(echo, relayed):
    with socket.create_connection(("127.0.0.1", relayed), timeout=5) as client:
        client.sendall(b"there")
        server, _ = echo.tcp.accept()
        server.settimeout(5)
        assert server.recv(10) == b"there"
        server.sendall(b"and back")
        assert client.recv(10) == b"and back"
        server.close()
        assert client.recv(10) == b""


def test_each_datagram_finds_its_own_sender_again(echo, relayed):
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for number, client in enumerate(clients):
        client.settimeout(5)
        client.sendto(b"%d" % number, ("127.0.0.1", relayed))
        data, sender = echo.udp.recvfrom(100)
        echo.udp.sendto(data * 2, sender)
    assert [client.recv(100) for client in clients] == [b"00", b"11"]
    for client in clients:
        client.close()


def test_a_bad_configuration_is_exit_code_3(tmp_path):
    (tmp_path / "link.json").write_text('{"listen_port": 1}')
    argv = [sys.executable, "-m", "fawkes.harness.link", "--config", "link.json"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "target_port" in done.stderr
