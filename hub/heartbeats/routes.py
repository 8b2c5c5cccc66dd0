"""Routes of /heartbeats."""

from typing import Any, cast

from flask import current_app, request

from hub.accounts import access
from hub.deliveries.rules import token_of
from hub.heartbeats import service
from hub.heartbeats.models import Heartbeat
from hub.heartbeats.schemas import (
    HeardSchema,
    HeartbeatInput,
    HeartbeatPatch,
    HeartbeatQuery,
    HeartbeatSchema,
    PingQuery,
)
from hub.http import declared
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public, to_public
from hub.integrations.rules import redacted
from hub.outbox import Waker

blp = JsonBlueprint("heartbeats", __name__, url_prefix="/api/v1/heartbeats", description="Expected heartbeats")

LARGEST_PING_BYTES = 100_000  # cron jobs like to send their last lines along


@blp.route("", methods=["GET"])
@access.requires("heartbeats:read")
@blp.arguments(HeartbeatQuery, location="query")
@blp.page(HeartbeatSchema)
def list_heartbeats(query: dict[str, Any]) -> Page:
    """List heartbeats, by name"""
    page = service.find(access.current_session(), query)
    return Page([_shown(each) for each in page.items], page.total, page.page, page.limit)


@blp.route("", methods=["POST"])
@access.requires("heartbeats:create")
@blp.arguments(HeartbeatInput)
@blp.one(HeartbeatSchema, status=201)
def expect_heartbeat(wanted: dict[str, Any]) -> dict[str, Any]:
    """Expect a heartbeat from now on; its silence opens an incident. The ping_url is shown in full this once"""
    session = access.current_session()
    expected = service.expect(session, **wanted)
    session.commit()
    return _shown(expected.heartbeat, expected.token)


@blp.route("/<heartbeat_id>", methods=["GET"])
@access.requires("heartbeats:read")
@blp.one(HeartbeatSchema)
def get_heartbeat(heartbeat_id: str) -> dict[str, Any]:
    """Read one heartbeat"""
    return _shown(service.get(access.current_session(), from_public("hbt", heartbeat_id)))


@blp.route("/<heartbeat_id>", methods=["PATCH"])
@access.requires("heartbeats:update")
@blp.arguments(HeartbeatPatch)
@blp.one(HeartbeatSchema)
def change_heartbeat(fields: dict[str, Any], heartbeat_id: str) -> dict[str, Any]:
    """Change a heartbeat; a new interval begins now"""
    session = access.current_session()
    heartbeat = service.change(session, from_public("hbt", heartbeat_id), fields)
    session.commit()
    return _shown(heartbeat)


@blp.route("/<heartbeat_id>/rotate", methods=["POST"])
@access.requires("heartbeats:update")
@blp.one(HeartbeatSchema)
def rotate_heartbeat(heartbeat_id: str) -> dict[str, Any]:
    """Make a new ping_url; the old one is refused at once"""
    session = access.current_session()
    expected = service.rotate(session, from_public("hbt", heartbeat_id))
    session.commit()
    return _shown(expected.heartbeat, expected.token)


@blp.route("/<heartbeat_id>", methods=["DELETE"])
@access.requires("heartbeats:delete")
@blp.response(204)
def forget_heartbeat(heartbeat_id: str) -> None:
    """Expect a heartbeat no longer; its open alert is resolved"""
    session = access.current_session()
    service.forget(session, from_public("hbt", heartbeat_id))
    session.commit()


@blp.route("/<heartbeat_id>/ping", methods=["GET", "POST"])
@access.public  # the proof is the heartbeat's token
@declared.takes_anything(LARGEST_PING_BYTES)
@blp.arguments(PingQuery, location="query")
@blp.response(200, HeardSchema)
def ping(query: dict[str, str], heartbeat_id: str) -> dict[str, str]:
    """Say that all is well: token as ?token=, X-Overwatch-Token, Bearer or Basic password; a body is not kept"""
    session = access.current_session()
    token = token_of({name.lower(): value for name, value in request.headers.items()}, query)
    service.hear(session, from_public("hbt", heartbeat_id), token)
    session.commit()
    cast(Waker, current_app.extensions["overwatch.waker"]).wake(["ingest"])
    return {"message": "Heard"}


def _shown(heartbeat: Heartbeat, token: str = "") -> dict[str, Any]:
    base = current_app.config["PUBLIC_URL"] or request.host_url.rstrip("/")
    address = f"{base}/api/v1/heartbeats/{to_public('hbt', heartbeat.id)}/ping?token={token or redacted('')}"
    return {column.key: getattr(heartbeat, column.key) for column in Heartbeat.__table__.columns} | {
        "ping_url": address
    }
