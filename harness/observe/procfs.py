"""What the files below /proc/PID say of a process (man 5 proc), as values. Pure: somebody else has read them."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

Socket = tuple[str, int]
"""Address and port."""

_LISTEN: Final = "0A"
"""State of a listening socket (include/net/tcp_states.h)."""
_WORD_BYTES: Final = 4


def words(text: bytes) -> list[str]:
    """The strings of `cmdline` or `environ`, each of which ends with a NUL."""
    return text.decode(errors="replace").rstrip("\0").split("\0") if text.strip(b"\0") else []


def flags(arguments: Sequence[str]) -> dict[str, list[str | bool]]:
    """Flag, without dashes -> its values; True for `--flag` without one. `--flag VALUE` in two words is not known."""
    found: dict[str, list[str | bool]] = {}
    for word in arguments:
        if match := re.fullmatch(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", word, re.DOTALL):
            found.setdefault(match[1], []).append(True if match[2] is None else match[2])
    return found


def family(listing: str, root: int) -> list[int]:
    """`root` and its descendants, from the lines `PID PPID` of all processes. Empty when `root` is not among them."""
    parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listing.splitlines() if line.strip())}
    if root not in parents:
        return []
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def user_ids(status: str) -> set[int]:
    """The real, effective, saved and file system user ids in `status`. ValueError when it doesn't tell them."""
    match = re.search(r"^Uid:\t(\d+)\t(\d+)\t(\d+)\t(\d+)$", status, re.MULTILINE)
    if match is None:
        raise ValueError("no user ids in /proc/PID/status")
    return {int(uid) for uid in match.groups()}


def mounts(text: str) -> dict[str, str]:
    """Mount point -> `ro` or `rw`, from `mounts`; of several on one point the last, which covers the others."""
    found = {}
    for line in text.splitlines():
        _, point, _, options, *_ = line.split(" ")
        found[re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), point)] = options.split(",")[0]
    return found


def listening(table: str) -> dict[int, Socket]:
    """Inode -> address and port of the listening sockets in `net/tcp` and `net/tcp6`, one after the other."""
    return {inode: socket for inode, state, socket in _sockets(table) if state == _LISTEN}


def socket_inodes(links: str) -> set[int]:
    """Of `ls -l /proc/PID/fd`: the sockets that the process holds."""
    return {int(inode) for inode in re.findall(r"socket:\[(\d+)\]", links)}


def holding(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets that are in `text`, as they are or as a part of something longer."""
    return [name for name, value in secrets.items() if value and value in text]


def steps(path: str) -> list[str]:
    """Everything that a path leads through, itself last: /a/b is /a, then /a/b."""
    parts = PurePosixPath(path).parts
    return [str(PurePosixPath(*parts[:count])) for count in range(1, len(parts) + 1) if parts[:count] != ("/",)]


def followed(path: str, step: str, target: str) -> str:
    """`path`, whose `step` is a link to `target`, without that link. Absolute if either of them is."""
    rest = PurePosixPath(path).relative_to(step)
    return posixpath.normpath(PurePosixPath(step).parent / target / rest)


def _sockets(table: str) -> Iterator[tuple[int, str, Socket]]:
    for line in table.splitlines():
        fields = line.split()
        if fields and fields[0].rstrip(":").isdigit():
            address, _, port = fields[1].partition(":")
            yield int(fields[9]), fields[3], (_address(address), int(port, 16))


def _address(text: str) -> str:
    """As people write it; of an IPv4 address that IPv6 carries, the IPv4 one.

    The kernel writes the words of an address as the machine keeps them: lowest byte first.
    """
    raw = bytes.fromhex(text)
    ordered = b"".join(raw[at : at + _WORD_BYTES][::-1] for at in range(0, len(raw), _WORD_BYTES))
    ip = ipaddress.ip_address(ordered)
    carried = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(carried or ip)
