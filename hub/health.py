"""Signs of life: /healthz says that this process answers, /readyz that the hub makes progress."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, current_app
from marshmallow import Schema, fields, validate
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub import migrations
from hub.accounts.access import public
from hub.broker import LANES
from hub.contracts.errors import Unavailable
from hub.database import Database, process_name
from hub.http.blueprint import JsonBlueprint

SCHEDULE = "schedule"

blp = JsonBlueprint("health", __name__, description="Signs of life")

_EXTENSION = "overwatch.health"
_FRESH_SECONDS = 15
_LONGEST_WAIT_SECONDS = 60
_PASSES_POLICIES = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")


def install(app: Flask, database: Database) -> None:
    """Tells the routes their database."""
    app.extensions[_EXTENSION] = database


class AliveSchema(Schema):
    """The process answers."""

    status = fields.String(required=True, validate=validate.Equal("ok"))


class ReadySchema(Schema):
    """The hub makes progress."""

    status = fields.String(required=True, validate=validate.Equal("ready"))


@blp.route("/healthz", methods=["GET"])
@public
@blp.response(200, AliveSchema)
def check_process() -> dict[str, Any]:
    """Say that this process answers"""
    return {"status": "ok"}


@blp.route("/readyz", methods=["GET"])
@public
@blp.response(200, ReadySchema)
def check_hub() -> dict[str, Any]:
    """Say whether the hub makes progress: database, migrations, workers on every lane"""
    missing = problems(current_app.extensions[_EXTENSION])
    if missing:
        raise Unavailable(f"Not ready: {'; '.join(missing)}.")
    return {"status": "ready"}


def beat(database: Database, lanes: Sequence[str]) -> None:
    """Tells that this process works on these lanes now."""
    with database.transaction() as session:
        session.execute(
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
