"""The account Postgres runs as: it refuses root, so root lends it another one."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from hub.contracts.errors import Misconfigured

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server becomes after the fork."""

    uid: int
    gid: int

    def may_read_all_of(self, folder: Path) -> bool:
        """True if this account can reach the folder from / and list it; looks at the mode bits only."""
        return self._has(stat.S_IROTH | stat.S_IXOTH, folder) and all(
            self._has(stat.S_IXOTH, parent) for parent in folder.parents
        )

    def _has(self, bits: int, folder: Path) -> bool:
        status = folder.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return (status.st_mode >> shift) & bits == bits


def server_account(cluster: Path) -> Account | None:
    """None: our own. As root: the owner of an existing cluster, else `nobody`. Raises Misconfigured without either."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise Misconfigured(
            f"Postgres does not run as root and this machine has no account {_UNPRIVILEGED!r}: "
            "start Overwatch as an ordinary user."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)
