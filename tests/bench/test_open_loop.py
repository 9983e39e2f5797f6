"""The load generator of the benchmarks: what a server does slowly, wrongly or not at all stays in its numbers."""

import asyncio
import threading
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

DELAY_S = 0.03


@pytest.fixture
def open_loop(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "bench")
    module = import_module("open_loop")
    monkeypatch.setattr(module, "DRAIN_S", 0.2)
    return module


async def answer(reader, writer):
    """/slow takes DELAY_S, /hang never answers, /cut closes the connection; the status is the path's end otherwise."""
    try:
        while line := await reader.readline():
            path = line.split()[1].decode()
            while (await reader.readline()).strip():
                pass
            if path == "/hang":
                await asyncio.sleep(60)
            if path == "/cut":
                return
            if path == "/slow":
                await asyncio.sleep(DELAY_S)
            status = "201" if path == "/slow" else path[1:]
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
    finally:
        writer.close()


@contextmanager
def serving():
    """A server on a thread of its own; its port."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ports = []

    async def serve():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        try:
            async with server:
                await server.serve_forever()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    task = loop.create_task(serve())

    def run():
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(30)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(30)


def sent(open_loop, paths, connections=1):
    requests = [(0.0, open_loop.request("GET", path)) for path in paths]
    with serving() as port:
        (outcome,) = open_loop.send(port, [(connections, requests)])
    return outcome


def test_latency_counts_from_the_intended_start(open_loop):
    outcome = sent(open_loop, ["/slow"] * 4)  # due together, one connection: the last one waits for three others
    assert outcome.statuses == {201: 4}
    assert outcome.ms(100) >= 4 * DELAY_S * 1000 * 0.99
    assert outcome.ms(25) < outcome.ms(100)


def test_errors_are_counted_and_stay_in_the_distribution(open_loop):
    outcome = sent(open_loop, ["/201", "/503", "/200", "/409"])
    assert outcome.statuses == {200: 1, 201: 1, 409: 1, 503: 1}
    assert (outcome.errors, outcome.histogram.get_total_count()) == (2, 4)


def test_what_gets_no_answer_is_an_error_at_the_time_it_took(open_loop):
    outcome = sent(open_loop, ["/hang", "/201"])  # one connection: the second one is never sent
    assert outcome.statuses == {0: 2}
    assert outcome.ms(1) >= 200 * 0.99


def test_a_cut_connection_is_an_error_and_not_used_again(open_loop):
    outcome = sent(open_loop, ["/cut", "/201", "/201"], connections=2)
    assert outcome.statuses == {0: 1, 201: 2}


def test_requests_are_due_evenly(open_loop):
    assert open_loop.at_rate([b"a", b"b", b"c"], 4.0) == [(0.0, b"a"), (0.25, b"b"), (0.5, b"c")]
