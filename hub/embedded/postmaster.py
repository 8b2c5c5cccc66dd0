"""The server process of the embedded Postgres."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from hub.embedded.account import Account
from hub.embedded.cluster import HERE
from hub.embedded.conf import CONF
from hub.embedded.leftovers import end_leftovers
from hub.embedded.process import Child, Process


class Postmaster(Process):
    """The server's first process; its own children notice its death and follow. `conf` are `name=value` settings."""

    def __init__(
        self,
        program: Path,
        cluster: Path,
        socket_folder: Path,
        *,
        account: Account | None,
        conf: Sequence[str],
        logs: Path,
    ) -> None:
        settings = [*(f"{name}={value}" for name, value in CONF.items()), *conf]
        child = Child(
            "postgres",
            [program, "-D", HERE, *(word for setting in settings for word in ("-c", setting))],
            env={"LC_ALL": "C"},
            inherits_environment=False,  # PGPORT and its like would change the server
            cwd=cluster,
            account=account,
            stop_signal=signal.SIGINT,  # fast shutdown: disconnects, checkpoints
            orphan_signal=signal.SIGINT,
        )
        super().__init__(child, logs)
        self._cluster = cluster
        self._socket_folder = socket_folder

    def spawn(self) -> None:
        """Starts the server without waiting until it answers. Raises Misconfigured if another is there, OSError."""
        self.kill()
        end_leftovers(self._cluster, self._socket_folder)
        # By descriptor, as the cluster is by working directory: its account may not be allowed to walk there by name.
        folder = os.open(self._socket_folder, os.O_PATH | os.O_DIRECTORY)
        try:
            self._open(["-k", f"/proc/self/fd/{folder}"], [folder])
        finally:
            os.close(folder)
