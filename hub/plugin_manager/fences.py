"""The fences around a third-party plugin, put up in its own process before its first line runs.

They keep faults in, and secrets, files and the network out of reach. The audit hook stands in front, for it can say
what a plugin may not do; the walls of `kernel` stand behind it, for native code and for who gets around the hook.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.plugin_manager import kernel

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 600
OPEN_FILES = 64

_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_TIME_ZONES = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")

# audit events (PEP 578, "Audit events table" of the standard library) by what a plugin has no business to do
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "ctypes.",
    "shutil.",
    "tempfile.",
    "pty.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.kill",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.chdir",
    "os.setxattr",
    "resource.setrlimit",
    "resource.prlimit",
    "signal.pthread_kill",
    "gc.",  # finds this hook, and what it closes over
)


def put_up(readable: Sequence[Path], hidden: Path | None) -> None:
    """Limits of memory, processor time, files and processes; no network; of files only Python's and the plugin's."""
    _leave_the_network()
    limits: Mapping[int, int] = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, most in limits.items():
        resource.setrlimit(limit, (most, most))
    kernel.close_files([*readable, *map(Path, _TIME_ZONES), *kernel.libraries()], hidden)
    kernel.forbid_calls()
    sys.addaudithook(
        _guard([os.path.realpath(path) for path in readable], os.path.realpath(hidden) if hidden else None)
    )


def end_after(seconds: float) -> None:
    """The process ends by itself when nobody is left to kill it."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _leave_the_network() -> None:
    """A namespace without any interface, where the kernel allows it; the audit hook stands in front of it anyway."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _guard(readable: Sequence[str], hidden: str | None) -> Callable[[str, tuple[Any, ...]], None]:
    roots = tuple(f"{root}{os.sep}" for root in (*readable, *_TIME_ZONES))
    closed = () if hidden is None else (f"{hidden}{os.sep}",)

    def guard(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _check_open(arguments[0], arguments[2])
        elif event.startswith(_FORBIDDEN):
            raise PermissionError(f"a plugin may not do this: {event}")

    def _check_open(path: Any, flags: Any) -> None:
        if not isinstance(path, str | bytes):
            return  # a descriptor that is open already
        place = os.path.realpath(os.fsdecode(path))  # a link must not lead out
        if place == os.devnull:
            return
        is_writing = isinstance(flags, int) and flags & _WRITING
        if is_writing or place.startswith(closed) or not place.startswith(roots):
            raise PermissionError("a plugin may read only its own files and Python's")

    return guard
