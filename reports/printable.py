"""Text as it may stand in a report: nothing in it can break the file, drive a terminal or turn the reading order."""

from __future__ import annotations

import re

# What XML 1.0 forbids (C0 except tab and newline, surrogates, U+FFFE and U+FFFF; https://www.w3.org/TR/xml/#charsets),
# carriage return (an XML parser would turn it into a newline), DEL and C1 (terminals obey them, HTML calls them
# errors), and the bidirectional controls, with which a log line can show another text than it holds.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    r"""`text` with every unfit character spelled out, e.g. the bell as `\x07`. Tab and newline stay."""
    return _UNFIT.sub(lambda match: _spelled(ord(match[0])), text)


def one_line(text: str) -> str:
    """Like `printable`, with every run of white space as a single space."""
    return " ".join(printable(text).split())


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters, the last one `…` when something was cut off."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
