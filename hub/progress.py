"""Progress: every process tells that it works; who hears nothing knows what keeps the hub from working."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub import migrations
from hub.broker import LANES
from hub.database import Database, process_name

SCHEDULE = "schedule"

_FRESH_SECONDS = 15
_LONGEST_WAIT_SECONDS = 60
_PASSES_POLICIES = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


def beat(database: Database, lanes: Sequence[str]) -> None:
    """Tells that this process works on these lanes now."""
    with database.statement() as connection:
        connection.execute(
            text(
                "INSERT INTO heartbeats (process, lanes, beat_at) VALUES (:process, :lanes, now())"
                " ON CONFLICT (process) DO UPDATE SET lanes = excluded.lanes, beat_at = excluded.beat_at"
            ),
            {"process": process_name(), "lanes": list(lanes)},
        )


def count_rejected(database: Database) -> None:
    """Counts one message in the broker that was no wake-up of ours."""
    with database.transaction() as session:
        session.execute(text("UPDATE rejected_messages SET message_count = message_count + 1"))


def problems(database: Database) -> list[str]:
    """What keeps the hub from making progress, in words; empty when it is ready."""
    try:
        with database.engine.connect() as connection:
            if not migrations.is_current(connection):
                return ["the database is not migrated: run `overwatch migrate`"]
            beating = connection.execute(
                text("SELECT DISTINCT unnest(lanes) FROM heartbeats WHERE beat_at > now() - make_interval(secs => :s)"),
                {"s": _FRESH_SECONDS},
            ).scalars()
            silent = sorted({*LANES, SCHEDULE} - set(beating))
            waiting = connection.execute(text("SELECT oldest_pending_seconds()")).scalar_one()
            is_above_the_wall = connection.execute(_PASSES_POLICIES).scalar_one()
    except (DBAPIError, PoolTimeout):
        return ["the database does not answer"]
    found = [f"nobody works on the lane {lane!r}" for lane in silent]
    if is_above_the_wall:
        found.append("the hub runs as a role that passes row-level security: use overwatch_app")
    if waiting > _LONGEST_WAIT_SECONDS:
        found.append(f"the oldest delivery has been waiting for {waiting:.0f} s")
    return found
