"""One hub per data folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.contracts.errors import Conflict


@contextmanager
def hold(data_dir: Path, address: str) -> Iterator[None]:
    """Keeps others off the folder until the end of the block or of this process, whichever comes first.

    Raises Conflict, naming the process and the address that hold it, and OSError.
    """
    with (data_dir / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Conflict(f"Overwatch already runs on {data_dir} ({lock.read().strip()}).") from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {address}\n")
        lock.flush()
        yield
