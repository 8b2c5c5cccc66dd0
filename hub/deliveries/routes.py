"""Routes of /webhooks and /deliveries."""

from datetime import UTC, datetime
from typing import Any, cast

from flask import Flask, Response, current_app, g, request

from hub.accounts import access
from hub.contracts import Delivery
from hub.database import Database
from hub.deliveries import express, models, rules, service
from hub.deliveries.gathering import Gatherer
from hub.deliveries.inbox import MESSAGE, Inbox
from hub.deliveries.schemas import DeliveryQuery, DeliverySchema, ReceiptSchema
from hub.http import body, declared
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.integrations import installed
from hub.integrations.rules import hash_token
from hub.outbox import Waker

blp = JsonBlueprint("deliveries", __name__, url_prefix="/api/v1", description="Webhooks in, and their receipts")


@blp.route("/webhooks/<platform>/<integration_id>", methods=["POST", "PUT"])
@access.public  # the proof is the connector's signature or the integration's token
@declared.takes_anything(body.WEBHOOK_LIMIT_BYTES, any_query=True)
@blp.response(200, ReceiptSchema)
def receive_webhook(platform: str, integration_id: str) -> dict[str, Any]:
    """Store what a platform pushes; answered after its bytes are committed"""
    if refused := request.environ.get(express.REFUSED):
        raise refused
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = request.args.to_dict()
    arrival = service.Arrival(
        integration_id=from_public("int", integration_id),
        platform=platform,
        token_hash=hash_token(rules.token_of(headers, query)),
        delivery=Delivery(body=g.body, headers=headers, query=query, received_at=datetime.now(UTC)),
    )
    accepted = inbox().take(arrival)
    receipt = {
        "delivery_id": accepted.delivery_id,
        "integration_id": arrival.integration_id,
        "duplicate": accepted.is_duplicate,
    }
    return {"message": MESSAGE, "data": receipt}


@blp.route("/deliveries", methods=["GET"])
@access.requires("integrations:read")
@blp.arguments(DeliveryQuery, location="query")
@blp.page(DeliverySchema)
def list_deliveries(query: dict[str, Any]) -> Page:
    """List what arrived and what became of it, newest first"""
    return service.find(access.current_session(), query)


@blp.route("/deliveries/<delivery_id>", methods=["GET"])
@access.requires("integrations:read")
@blp.one(DeliverySchema)
def get_delivery(delivery_id: str) -> models.Delivery:
    """Read one receipt"""
    return service.get(access.current_session(), from_public("dlv", delivery_id))


@blp.route("/deliveries/<delivery_id>/body", methods=["GET"])
@access.requires("integrations:update")  # bodies may hold what only admins should see
@blp.raw("application/octet-stream")
def get_delivery_body(delivery_id: str) -> Response:
    """Read the raw bytes of a delivery, as they came"""
    delivery = service.get(access.current_session(), from_public("dlv", delivery_id))
    response = Response(delivery.body, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{delivery_id}"'
    return response


def install(app: Flask, database: Database, waker: Waker) -> None:
    """Gives the app its door to the inbox, and the short way there. The connectors and the vault are there already."""
    with app.app_context():
        connectors, vault = installed.connectors(), installed.vault()
    door = Inbox(database, Gatherer(database, rules.REPEAT_WINDOW_SECONDS), connectors, vault, waker)
    app.extensions["overwatch.inbox"] = door
    app.wsgi_app = express.Express(app.wsgi_app, door)  # type: ignore[method-assign]


def inbox() -> Inbox:
    """The app's door to the inbox."""
    return cast(Inbox, current_app.extensions["overwatch.inbox"])
