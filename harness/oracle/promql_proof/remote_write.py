"""Prometheus' remote write protocol 1.0 (prometheus.io/docs/specs/prw/remote_write_spec), as far as samples go.

The message is protobuf, `WriteRequest{repeated TimeSeries{repeated Label{name, value}, repeated Sample{value, t}}}`,
in a snappy block; a block may hold its content uncompressed, which on loopback is the fastest.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import httpx

from fawkes.harness.errors import ComponentError
from fawkes.harness.oracle.promql_proof.series import Series, Stored

STALE: Final = struct.pack("<Q", 0x7FF0000000000002)
"""The bits of a stale marker (model/value/value.go, `StaleNaN`)."""

_SERIES_PER_REQUEST: Final = 1000
"""Some hundred kilobytes each, far below the receiver's limit of 32 MiB."""
_HEADERS: Final = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def write(url: str, series: Sequence[Series]) -> None:
    """Store `series` in the Prometheus at `url`. Raises ComponentError when it refuses some."""
    with httpx.Client(trust_env=False, timeout=60.0) as http:
        for first in range(0, len(series), _SERIES_PER_REQUEST):
            body = _snappy(b"".join(map(_time_series, series[first : first + _SERIES_PER_REQUEST])))
            answer = http.post(f"{url}/api/v1/write", content=body, headers=_HEADERS)
            if not answer.is_success:
                raise ComponentError("prometheus", f"remote write was answered {answer.status_code}: {answer.text}")


def _time_series(series: Series) -> bytes:
    return _field(1, _labels(series.labels) + _samples(series.stored))


def _labels(labels: Mapping[str, str]) -> bytes:
    """Sorted by name, as the protocol demands."""
    return b"".join(_field(1, _field(1, k.encode()) + _field(2, v.encode())) for k, v in sorted(labels.items()))


def _samples(stored: Iterable[Stored]) -> bytes:
    return b"".join(_field(2, b"\x09" + _double(value) + b"\x10" + _varint(at_ms)) for at_ms, value in stored)


def _double(value: float | None) -> bytes:
    return STALE if value is None else struct.pack("<d", value)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _snappy(content: bytes) -> bytes:
    """One literal with a length of four bytes (github.com/google/snappy, format_description.txt)."""
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
