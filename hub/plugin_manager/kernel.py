"""Walls that the kernel holds around a plugin's child, for native code too: seccomp and Landlock, without root.

The audit hook of `fences` is asked by Python's own functions only. These two are asked by every system call: which may
be made at all, and which files may be opened. They stay for the life of the process. Where the kernel has them not
(Landlock: Linux 5.13; both: x86-64 and arm64) the fences stand alone.

Numbers are from the kernel's `asm/unistd` of each machine, `linux/seccomp.h`, `linux/filter.h`, `linux/landlock.h`.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hub.plugin_manager.system_calls import FORBIDDEN

_NO_NEW_PRIVILEGES = 38
_SECCOMP, _FILTER = 22, 2
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06  # BPF: ld [k], jeq, jset, ret
_NUMBER, _MACHINE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; an argument has 8 bytes
_X32 = 0x40000000  # a second set of numbers on x86-64
_CLONE_THREAD = 0x10000


@dataclass(frozen=True, slots=True)
class _Machine:
    """`column` of the table of calls, the kernel's word for its kind, and the numbers of what is looked into."""

    column: int
    audit: int
    clone: int
    clone3: int
    prlimit: int


_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(0, 0xC000003E, clone=56, clone3=435, prlimit=302),
    "aarch64": _Machine(1, 0xC00000B7, clone=220, clone3=435, prlimit=261),
}

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_BENEATH = 1
_RIGHTS = 0x1FFF  # of its first version: executing, writing, reading, listing, removing, making
_READ, _READ_FOLDER = 0x4 | 0x1, 0x8 | 0x4 | 0x1  # loading a library counts as reading


def forbid_calls() -> bool:
    """No process, signal, socket, or change of a file from now on; whether the kernel does it."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    program = b"".join(_program(machine))
    code = ctypes.create_string_buffer(program, len(program))
    told = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return bool(libc.prctl(_SECCOMP, _FILTER, ctypes.c_char_p(told), 0, 0) == 0)


def close_files(readable: Iterable[Path], hidden: Path | None) -> bool:
    """Only these may be read from now on, nothing in `hidden`, and nothing be written; whether the kernel does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    rules = libc.syscall(_LANDLOCK_CREATE, ctypes.c_char_p(struct.pack("Q", _RIGHTS)), 8, 0)
    if rules < 0:
        return False
    for path in readable:
        for open_path in _without(path, hidden):
            _permit(libc, rules, open_path)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    is_done = bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    os.close(rules)
    return is_done


def _without(path: Path, hidden: Path | None) -> Iterator[Path]:
    """The path, or if something is hidden in it, what stands beside that: a rule cannot be taken back further in."""
    real = Path(os.path.realpath(path))
    if hidden is None or not hidden.is_relative_to(real):
        yield real
    elif real != hidden:
        for each in real.iterdir():
            yield from _without(each, hidden)


def _permit(libc: ctypes.CDLL, rules: int, path: Path) -> None:
    with suppress(OSError):  # what is not there, or not ours to read, needs no rule
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = _READ_FOLDER if path.is_dir() else _READ
        libc.syscall(_LANDLOCK_ADD, rules, _BENEATH, ctypes.c_char_p(struct.pack("=Qi", rights, place)), 0)
        os.close(place)


def _program(machine: _Machine) -> Iterator[bytes]:
    """Berkeley Packet Filter: what is not refused may be called."""
    refuse, unknown, allow = _FAIL | errno.EPERM, _FAIL | errno.ENOSYS, _ALLOW
    yield from (_step(_LOAD, _MACHINE), _step(_EQUAL, machine.audit, yes=1), _step(_RETURN, refuse))
    yield from (_step(_LOAD, _NUMBER), _step(_ANY_BIT, _X32, no=1), _step(_RETURN, refuse))
    yield from (_step(_EQUAL, machine.clone3, no=1), _step(_RETURN, unknown))  # libc then takes clone, which shows more
    for number in filter(None, (numbers[machine.column] for numbers in FORBIDDEN.values())):
        yield from (_step(_EQUAL, number, no=1), _step(_RETURN, refuse))
    threads = (_step(_LOAD, _FIRST_ARGUMENT), _step(_ANY_BIT, _CLONE_THREAD, yes=1), _step(_RETURN, refuse))
    yield from (_step(_EQUAL, machine.clone, no=4), *threads, _step(_RETURN, allow))
    reading = (_step(_LOAD, _FIRST_ARGUMENT + 16), _step(_EQUAL, 0, yes=1), _step(_RETURN, refuse))  # no new limit
    yield from (_step(_EQUAL, machine.prlimit, no=4), *reading, _step(_RETURN, allow))
    yield _step(_RETURN, allow)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def libraries() -> Sequence[Path]:
    """Where the loader finds what Python's own extensions need."""
    return [Path(path) for path in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/dev/null")]
