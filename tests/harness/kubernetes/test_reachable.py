"""Connections that lead to a part, and those that only seem to."""

import contextlib
import socket
import threading

import pytest

from fawkes.harness.kubernetes.reachable import unreachable


@pytest.fixture
def listening():
    """`listening(behave)` -> the address of a server that does `behave` with its one connection."""
    with contextlib.ExitStack() as stack:
        done = threading.Event()
        stack.callback(done.set)

        def start(behave):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve():
                connection, _ = server.accept()
                with connection:
                    behave(connection)
                    done.wait()

            threading.Thread(target=serve, daemon=True).start()
            return f"127.0.0.1:{server.getsockname()[1]}"

        yield start


def test_a_server_that_waits_for_us_and_one_that_greets_are_reached(listening):
    waits, greets = listening(lambda connection: None), listening(lambda connection: connection.sendall(b"220 hello"))
    assert unreachable({waits: "grpc", greets: "smtp"}) == []


def test_a_forwarder_with_nobody_behind_it_is_told_from_a_part(listening):
    there = listening(lambda connection: None)
    forwarder = listening(lambda connection: connection.shutdown(socket.SHUT_RDWR))
    assert unreachable({forwarder: "grpc", there: "grpc"}) == [forwarder]


def test_where_nobody_listens_nobody_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert unreachable({address: "http"}) == [address]


def test_who_must_answer_and_does_is_reached_at_its_first_byte(listening):
    def answer(connection):
        assert connection.recv(5) == b"HEAD "
        connection.sendall(b"H")

    assert unreachable({listening(answer): "http"}) == []


def test_a_forwarder_that_waits_for_somebody_behind_it_is_told_from_a_part_that_must_answer(listening):
    waits = listening(lambda connection: None)
    assert unreachable({waits: "http"}) == [waits]
