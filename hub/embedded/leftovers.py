"""What an earlier server left on a cluster: processes and lock files that would keep the next one from starting."""

import contextlib
import os
import signal
import time
from pathlib import Path

from hub.contracts.errors import Misconfigured
from hub.embedded.conf import PORT

_SHUTDOWN_SECONDS = 10.0


def end_leftovers(cluster: Path, socket_folder: Path) -> None:
    """Waits for an earlier server to end, kills what has lost its server, and removes their lock files.

    Postgres would take a zombie or a stranger with its old pid for the old server, and refuse. We hold the folder's
    lock: whoever works in the folder is a leftover, and whoever does not is none. Raises Misconfigured if the server
    goes on, so one that somebody started by hand.
    """
    patience = time.monotonic() + _SHUTDOWN_SECONDS
    while left := _servers_in(cluster):
        if (postmaster := _recorded_pid(cluster)) not in left:
            for pid in left:  # a busy one would notice the loss only after its query
                _kill(pid)
        elif time.monotonic() > patience:
            raise Misconfigured(f"Another Postgres (process {postmaster}) runs on {cluster}: stop it first.")
        time.sleep(0.01)
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    (socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)


def _servers_in(cluster: Path) -> list[int]:
    """Every process of a Postgres server works in its data folder; a zombie works nowhere."""
    return [int(link.parts[2]) for link in Path("/proc").glob("[0-9]*/cwd") if _is_server(link, cluster)]


def _is_server(link: Path, cluster: Path) -> bool:
    try:
        return link.samefile(cluster) and link.with_name("exe").readlink().name.startswith("postgres")
    except OSError:  # gone meanwhile, a zombie, or another user's
        return False


def _recorded_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return None


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
