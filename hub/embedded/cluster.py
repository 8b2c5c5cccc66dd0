"""The data folder of Postgres: made whole or not at all, and refused when foreign."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from hub.contracts.errors import Misconfigured
from hub.embedded.account import Account
from hub.embedded.binaries import MAJOR

SUPERUSER = "postgres"

# The cluster as Postgres' own working directory. A path would do only if the server's account may walk it from /,
# and in root's home `nobody` may not.
HERE = "/proc/self/cwd"

_ONLY_EARLY = "the database system is starting up"  # an answer to our own knocking, no reason for anything
_INITDB = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    f"--username={SUPERUSER}",
)


def refuse_foreign(data_dir: Path) -> None:
    """Raises Misconfigured if the folder is, or holds, the data of another Postgres major."""
    own = data_dir / f"pg{MAJOR}"
    for version_file in (data_dir / "PG_VERSION", *data_dir.glob("pg*/PG_VERSION")):
        version = version_file.read_text().strip() if version_file.exists() else ""
        if version and (version_file.parent, version) != (own, str(MAJOR)):
            raise Misconfigured(
                f"{version_file.parent} holds data of Postgres {version}, and this Overwatch keeps its own in {own}: "
                "choose another folder with --data, or dump and load."
            )


def make(cluster: Path, initdb: Path, account: Account | None, superuser_password: str) -> None:
    """Makes the cluster beside its place and renames it there, so that a kill leaves none that is half done.

    Raises Misconfigured with initdb's own reason, OSError.
    """
    draft = cluster.with_name(f".{cluster.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    make_private(draft, account)
    password = os.memfd_create("password")  # initdb wants a file, and this one is on no disk
    try:
        os.write(password, superuser_password.encode())
        argv: list[str | Path] = [initdb, "-D", HERE, *_INITDB, f"--pwfile=/proc/self/fd/{password}"]
        _run(argv, draft, account, open_files=(password,))
    finally:
        os.close(password)
    draft.rename(cluster)


def make_private(folder: Path, account: Account | None) -> None:
    """Makes a 0700 folder of the account's, or takes the one that is there. Raises Misconfigured if it is another's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    wanted = account.uid if account else os.geteuid()
    owner = folder.lstat().st_uid
    if owner not in (wanted, os.geteuid()):
        raise Misconfigured(f"{folder} belongs to user {owner}, not to {wanted}: start Overwatch as before.")
    if owner != wanted and account:
        _hand_over(folder, account)
    folder.chmod(0o700)


def _hand_over(folder: Path, account: Account) -> None:
    try:
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:  # a root without its rights, as in some containers
        raise Misconfigured(
            f"Postgres does not run as root, and this root cannot give {folder} to another account "
            f"({error.strerror}): start Overwatch as an ordinary user."
        ) from error


def set_password(cluster: Path, postgres: Path, account: Account | None, superuser_password: str) -> None:
    """Sets the superuser's password while no server runs, so without the old one. Raises Misconfigured, OSError."""
    literal = superuser_password.replace("'", "''")
    statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{literal}'\n"
    _run([postgres, "--single", "-D", HERE, SUPERUSER], cluster, account, stdin=statement)


def _run(
    argv: Sequence[str | Path],
    cluster: Path,
    account: Account | None,
    *,
    open_files: tuple[int, ...] = (),
    stdin: str = "",
) -> None:
    done = subprocess.run(  # noqa: S603  # a program of our own, with arguments of our own
        argv,
        cwd=cluster,
        env={"LC_ALL": "C"},
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        pass_fds=open_files,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Misconfigured(f"{Path(argv[0]).name} failed in {cluster}: {reason(done.stderr)}")


def reason(output: str) -> str:
    """The line of a Postgres program's output that says what went wrong, without its prefix."""
    lines = output.strip().splitlines() or ["it left no message"]
    for marker in ("PANIC:", "FATAL:", "error:", "ERROR:"):
        for line in reversed(lines):
            if marker in line and _ONLY_EARLY not in line:
                return line.partition(marker)[2].strip()
    return lines[-1].strip()
