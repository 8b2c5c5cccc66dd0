"""All that a hub has ever accepted, replayed into an empty one: does it come to the same state?"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from hub import migrations, settings
from hub.alerts.state_hash import state_hash
from hub.contracts.errors import Conflict, Unavailable
from hub.database import Database
from hub.embedded import lock
from hub.embedded.postgres import EmbeddedPostgres
from hub.runtime import Runtime, assemble
from hub.settings import Settings
from workers.pipeline import STEPS

# what is no effect of a delivery: who there is, what was connected, what people want of the noise; and the deliveries
_COPIED = (
    "organizations",
    "users",
    "integrations",
    "correlation_rules",
    "services",
    "service_dependencies",
    "silences",
    "deliveries",
)
_COLUMNS = (
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
    " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
)
_AS_NEW = (
    "UPDATE deliveries SET status = 'pending', reason = NULL, attempts = 0, next_at = overwatch_now(), items = '[]',"
    " lease_token = NULL, lease_until = NULL, claimed_at = NULL, finished_at = NULL, stages = '{}', replay_count = 0"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An organization, and the state hashes of its alerts: as they are, and as the replay has made them."""

    organization_id: UUID
    delivery_count: int
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        """Whether the replay comes to the same state."""
        return self.before == self.after


def rebuild(source: Settings, folder: Path) -> Iterator[Comparison]:
    """Makes a hub in `folder`, with the secrets of the other, and gives what comes of each organization.

    The other one must run, and is only read. Raises Conflict when the folder is in use or deliveries still wait, and
    Unavailable when the other does not answer.
    """
    target = _prepared(source, folder)
    with lock.hold(target.data_dir, "a replay"), EmbeddedPostgres(target) as postgres:
        migrations.migrate(target)
        with _opened(source.owner_database_url) as old, postgres.connect("overwatch") as new:
            _copy(old, new)
        runtime = assemble(target)
        try:
            while STEPS["ingest"](runtime):
                pass
            yield from _compared(source, runtime)
        finally:
            runtime.plugins.close()
            runtime.database.dispose()


def _prepared(source: Settings, folder: Path) -> Settings:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty: a replay makes a hub of its own there.")
    secrets = folder / "secrets.json"
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps(asdict(source.secrets), indent=1))
    made = settings.from_env(folder, {})
    return replace(made, plugins=source.plugins, plugins_dir=source.plugins_dir, model_dir=source.model_dir)


def _opened(url: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(url.replace("+psycopg", ""), connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unavailable("The hub's database does not answer: start the hub first.") from error


def _copy(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> None:
    old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    waiting = old.execute("SELECT count(*) FROM deliveries WHERE status = 'pending'").fetchone()
    if waiting and waiting[0]:
        raise Conflict(f"{waiting[0]} deliveries are not worked on yet: come again when all have an outcome.")
    with new.transaction():
        new.execute("SET LOCAL session_replication_role = replica")  # neither foreign keys nor triggers meanwhile
        for table in _COPIED:
            (columns,) = old.execute(_COLUMNS, [table]).fetchone() or ("",)
            reading = old.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)".encode())
            writing = new.cursor().copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)".encode())
            with reading as rows, writing as place:
                for block in rows:
                    place.write(block)
        new.execute(_AS_NEW)


def _compared(source: Settings, runtime: Runtime) -> Iterator[Comparison]:
    database = Database(source.database_url)
    try:
        with runtime.database.transaction() as session:
            organization_ids = list(session.connection().exec_driver_sql("SELECT organization_ids()").scalars())
        for organization_id in organization_ids:
            with (
                database.transaction(organization_id) as before,
                runtime.database.transaction(organization_id) as after,
            ):
                yield Comparison(organization_id, _delivery_count(after), state_hash(before), state_hash(after))
    finally:
        database.dispose()


def _delivery_count(session: Session) -> int:
    found: int = session.connection().exec_driver_sql("SELECT count(*) FROM deliveries").scalar_one()
    return found
