"""One child process that cannot outlive the harness.

The kernel sends every child its death signal when the harness dies, however it dies (PR_SET_PDEATHSIG). That signal
is tied to the thread that forked, so children are started from the main thread only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fawkes.harness.ledger import RUN_MARK

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_CLONE_NEWUSER: Final = 0x10000000  # linux/sched.h
_INSIDE_UID: Final = 1000  # any uid but 0: what the part believes to be
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV")


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    run_id: str,
    env: Mapping[str, str],
    cwd: Path,
    death_signal: int = signal.SIGKILL,
    unprivileged: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, with both streams appended to `log`.

    `unprivileged` maps root to an ordinary user in a user namespace, for parts that refuse to run as root.
    Raises OSError (no such binary, no permission) and subprocess.SubprocessError (no user namespaces).
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("parts are started from the main thread: their death signal is tied to it")
    with log.open("ab") as out:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**_inherited(), **env, RUN_MARK: run_id},
            start_new_session=True,
            preexec_fn=_before_exec(  # noqa: PLW1509 - the harness starts parts from its only busy thread
                os.getpid(), death_signal, unprivileged and os.geteuid() == 0
            ),
        )


def signal_group(pid: int, number: int) -> None:
    """Signal the whole group a part leads; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def child_of_ours(death_signal: int) -> Callable[[], None]:
    """A preexec_fn: the kernel sends the child this signal when we die. For children of the main thread."""
    return _before_exec(os.getpid(), death_signal, map_user=False)


def _before_exec(parent: int, death_signal: int, map_user: bool) -> Callable[[], None]:
    def prepare() -> None:
        if map_user:
            _map_root_to_ordinary_user()
        # After the mapping: a change of credentials clears the death signal.
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # died between fork and prctl
            os._exit(1)

    return prepare


def _map_root_to_ordinary_user() -> None:
    if _LIBC.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{_INSIDE_UID} 0 1"), ("gid_map", f"{_INSIDE_UID} 0 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _inherited() -> dict[str, str]:
    """What parts get of our environment: enough to run, nothing that changes what they do."""
    return {
        key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "VIRTUAL_ENV") if key in os.environ
    }
