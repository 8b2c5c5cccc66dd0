"""Signs of life: /healthz says that this process answers, /readyz that the hub makes progress."""

from typing import Any

from flask import Flask, current_app
from marshmallow import Schema, fields, validate

from hub.accounts.access import public
from hub.contracts.errors import Unavailable
from hub.database import Database
from hub.http.blueprint import JsonBlueprint
from hub.progress import problems

blp = JsonBlueprint("health", __name__, description="Signs of life")

_EXTENSION = "overwatch.health"


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
