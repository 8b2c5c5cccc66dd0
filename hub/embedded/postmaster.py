"""The server process of the embedded Postgres."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from hub.embedded import cluster
from hub.embedded.account import Account
from hub.embedded.conf import CONF
from hub.embedded.leftovers import end_leftovers
from hub.embedded.process import Child, Process


class Postmaster(Process):
    """The server's first process; its own children notice its death and follow. `conf` are `name=value` settings."""

    def __init__(
        self,
        program: Path,
        folder: Path,
        socket_folder: Path,
        *,
        account: Account | None,
        conf: Sequence[str],
        logs: Path,
    ) -> None:
        # The last one is for people: `ps` shows it, and `-D` tells them nothing.
        settings = [*(f"{name}={value}" for name, value in CONF.items()), *conf, f"overwatch.cluster={folder}"]
        child = Child(
            "postgres",
            [program, "-D", cluster.HERE, *(word for setting in settings for word in ("-c", setting))],
            env={"LC_ALL": "C"},
            inherits_environment=False,  # it may hold our secrets, or PGPORT and its like
            cwd=folder,
            account=account,
            stop_signal=signal.SIGINT,  # fast shutdown: disconnects, checkpoints
            orphan_signal=signal.SIGINT,
        )
        super().__init__(child, logs)
        self._program = program
        self._cluster = folder
        self._socket_folder = socket_folder

    def set_password(self, superuser_password: str) -> None:
        """Sets the superuser's password while the server is stopped, so without the old one. Raises Misconfigured."""
        cluster.set_password(self._cluster, self._program, self.child.account, superuser_password)

    def kill(self) -> int | None:
        code = super().kill()
        if code:  # not its own clean end: its backends may be busy, and would live on until they notice
            end_leftovers(self._cluster, self._socket_folder)
        return code

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
