"""Only this machine's own addresses may be loaded or tampered with."""

import pytest

from fawkes.harness.loopback import require_loopback


@pytest.mark.parametrize("url", ["http://127.0.0.1:9090", "http://127.8.9.1:80", "http://[::1]:9090"])
def test_loopback_with_a_port_is_accepted(url):
    assert require_loopback(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:9090",
        "http://0.0.0.0:9090",
        "http://localhost:9090",
        "http://127.0.0.1.example.org:80",
        "http://127.0.0.1@192.0.2.1:80",
        "http://user@127.0.0.1:80",
        "https://127.0.0.1:9090",
        "http://127.0.0.1",
        "http://127.0.0.1:notaport",
        "",
    ],
)
def test_everything_else_is_refused_with_what_to_give(url):
    with pytest.raises(ValueError, match=r"like http://127\.0\.0\.1:9090"):
        require_loopback(url)
