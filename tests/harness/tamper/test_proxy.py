"""The proxy over real HTTP: what it passes on, and each way of tampering."""

import concurrent.futures
import gzip
import json
import signal
import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

from fawkes.harness.eventually import RealClock, eventually
from fawkes.harness.tamper.__main__ import main
from fawkes.harness.tamper.config import TamperConfig

VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"5"]}]}}'


def test_without_tampering_everything_passes(proxy, upstream):
    upstream.answer = (418, {"Content-Type": "x/y", "X-Own": "1"}, gzip.compress(b"tea"))
    ask = proxy()
    status, headers, body = ask("POST", "/a%20b/c?x=1&y=%2B", b"payload", {"X-Sent": "yes", "Accept-Encoding": "gzip"})
    assert (status, headers["X-Own"], headers["Content-Type"], gzip.decompress(body)) == (418, "1", "x/y", b"tea")
    ((method, path, seen, sent),) = upstream.seen
    assert (method, path, sent) == ("POST", "/a%20b/c?x=1&y=%2B", b"payload")
    assert (seen["X-Sent"], seen["Accept-Encoding"]) == ("yes", "gzip")


def test_the_nth_post_is_acknowledged_and_lost(proxy, upstream):
    upstream.answer = (201, {"Content-Type": "application/json"}, b'{"status":"really stored"}')
    ask = proxy(drop_nth_post=2)
    ask("GET", "/")
    answers = [
        (status, json.loads(body)["status"]) for status, _, body in (ask("POST", "/", b"%d" % n) for n in range(3))
    ]
    assert answers == [(201, "really stored"), (201, "stored"), (201, "really stored")]
    assert [body for method, _, _, body in upstream.seen if method == "POST"] == [b"0", b"2"]


def test_exactly_one_post_is_lost_when_many_come_at_once(proxy, upstream):
    ask = proxy(drop_nth_post=20)
    with concurrent.futures.ThreadPoolExecutor(10) as many:
        list(many.map(lambda n: ask("POST", f"/{n}", b"x"), range(40)))
    assert len(upstream.seen) == 39


def test_metrics_restart_at_zero(proxy, upstream):
    upstream.answer = (200, {"Content-Type": "text/plain; version=0.0.4"}, b"fawkes_a 7\nup 1\n")
    assert proxy(zero_metrics_matching="fawkes_.*")("GET", "/metrics")[2] == b"fawkes_a 0\nup 1\n"
    upstream.answer = (200, {"Content-Type": "application/json"}, b'{"fawkes_a":7}')
    assert proxy(zero_metrics_matching="fawkes_.*")("GET", "/api")[2] == b'{"fawkes_a":7}'


def test_numbers_are_corrupted_and_the_upstream_is_asked_for_plain_text(proxy, upstream):
    upstream.answer = (200, {"Content-Type": "application/json"}, VECTOR)
    _, _, body = proxy(corrupt_numbers=True)("GET", "/api/v1/query", b"", {"Accept-Encoding": "gzip"})
    assert json.loads(body)["data"]["result"][0]["value"] == [1, "10"]
    assert "Accept-Encoding" not in upstream.seen[0][2]


def test_a_status_is_replaced_and_others_stay(proxy, upstream):
    ask = proxy(replace_status={409: 200})
    assert ask()[0] == 200
    upstream.answer = (409, {"Content-Type": "text/plain"}, b"conflict")
    assert ask()[::2] == (200, b"conflict")
    upstream.answer = (404, {"Content-Type": "text/plain"}, b"")
    assert ask()[0] == 404


def test_text_in_json_is_replaced_and_nowhere_else(proxy, upstream):
    ask = proxy(replace_in_json={'"low"': '"elite"'})
    upstream.answer = (200, {"Content-Type": "application/json"}, b'{"a":"low","b":"lower"}')
    assert ask()[2] == b'{"a":"elite","b":"lower"}'
    upstream.answer = (200, {"Content-Type": "text/plain"}, b'"low"')
    assert ask()[2] == b'"low"'


def test_each_request_is_held_back_and_none_waits_for_another(proxy):
    ask = proxy(delay_s=0.3)
    began_s = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as many:
        list(many.map(lambda n: ask(), range(20)))
    # One after the other would be 6 s.
    assert 0.3 <= time.monotonic() - began_s < 3


def test_an_upstream_that_is_gone_is_a_502(proxy, upstream, free_port):
    status, _, body = proxy(upstream=f"http://127.0.0.1:{free_port}")("GET", "/")
    assert status == 502
    assert b"does not answer" in body


def test_chunked_uploads_are_refused_not_lost(proxy, upstream):
    # Only the announcement is sent: the proxy refuses on it, and a chunk could meet the closed connection.
    status, _, _ = proxy()("POST", "/", b"", {"Transfer-Encoding": "chunked"})
    assert status == 411
    assert upstream.seen == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"upstream": "http://10.1.2.3:80"},
        {"upstream": "http://localhost:80"},
        {"zero_metrics_matching": "("},
        {"drop_nth_post": 0},
        {"delay_s": -1},
        {"unknown": 1},
    ],
)
def test_a_wrong_configuration_is_refused(wrong):
    with pytest.raises(ValidationError):
        TamperConfig.model_validate({"listen_port": 0, "upstream": "http://127.0.0.1:80", **wrong})


@pytest.mark.slow
def test_the_process_serves_until_sigterm(tmp_path, proxy, upstream, free_port):
    config = tmp_path / "tamper.json"
    config.write_text(json.dumps({"listen_port": free_port, "upstream": upstream.url}))
    with subprocess.Popen([sys.executable, "-m", "fawkes.harness.tamper", "--config", str(config)]) as process:
        ask = proxy(upstream=f"http://127.0.0.1:{free_port}")  # two in a row, while we are at it
        eventually("it serves", lambda: ask()[0], lambda status: status == 200, within_s=20, clock=RealClock())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_bad_file_is_exit_code_3_and_a_sentence(tmp_path, capsys):
    assert main(["--config", str(tmp_path / "absent.json")]) == 3
    assert "correct the file" in capsys.readouterr().err
