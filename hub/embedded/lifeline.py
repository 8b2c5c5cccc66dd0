"""Ties a process to its parent, so that a `kill -9` of the parent leaves no orphan."""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: int = signal.SIGKILL, parent_pid: int | None = None) -> None:
    """Has the kernel send `signum` to this process when its parent ends, however it ends.

    The parent is the *thread* that forked: fork from one that lives as long as its process. The order survives exec but
    neither a fork nor a change of user, so call it in the child, after setuid. `parent_pid`, read before the fork,
    closes the gap in which the parent is gone before this call; without it that gap stays open, because a parent of
    pid 1 may be ours (in a container). Raises OSError if the kernel refuses.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent_pid is not None and os.getppid() != parent_pid:
        os.kill(os.getpid(), signum)
