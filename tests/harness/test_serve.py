"""The harness' own small server: pages, commands, silence."""

import threading

import httpx
import pytest

from fawkes.harness.serve import EXPOSITION, Page, page_server


@pytest.fixture
def serving():
    """`serving(answer)` -> a client of a running server."""
    open_ones = []

    def start(answer):
        server = page_server(0, answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        client = httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False)
        open_ones.append((server, thread, client))
        return client

    yield start
    for server, thread, client in open_ones:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_get_has_no_body_and_a_post_has_one(serving):
    asked = []
    client = serving(lambda path, body: asked.append((path, body)) or Page(b"x 1\n"))
    assert client.get("/metrics?a=b").headers["content-type"] == EXPOSITION
    client.post("/-/begin", content=b"{}")
    client.post("/-/begin")
    assert asked == [("/metrics?a=b", None), ("/-/begin", b"{}"), ("/-/begin", b"")]


def test_status_and_type_are_the_pages_own(serving):
    answer = serving(lambda path, body: Page(b"no", 404, "text/html")).get("/")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (404, "text/html", "no")


def test_no_page_is_a_connection_closed_unanswered_and_the_next_one_is_served(serving):
    pages = iter([Page(b"1"), None, Page(b"2")])
    client = serving(lambda path, body: next(pages))
    assert client.get("/").text == "1"
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/")
    assert client.get("/").text == "2"
