"""Signs of life: /healthz says that this process answers, /readyz that the hub makes progress."""

from collections.abc import Sequence

from flask import Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hub import migrations
from hub.accounts.access import public
from hub.database import Database, process_name
from hub.outbox import LANES

SCHEDULE = "schedule"

_FRESH_SECONDS = 15
_LONGEST_WAIT_SECONDS = 60


def install(app: Flask, database: Database) -> None:
    """Adds the two routes."""

    @public
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @public
    def readyz() -> Response:
        missing = problems(database)
        response = jsonify({"status": "not ready" if missing else "ready", "missing": missing})
        response.status_code = 503 if missing else 200
        return response

    app.add_url_rule("/healthz", view_func=healthz)
    app.add_url_rule("/readyz", view_func=readyz)


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
    except (DBAPIError, PoolTimeout):
        return ["the database does not answer"]
    found = [f"nobody works on the lane {lane!r}" for lane in silent]
    if waiting > _LONGEST_WAIT_SECONDS:
        found.append(f"the oldest delivery has been waiting for {waiting:.0f} s")
    return found
