"""Routes of the delivery log of outbound integrations."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public
from hub.notifications.outbound import service
from hub.notifications.outbound.schemas import DispatchQuery, DispatchSchema

blp = JsonBlueprint("outbound", __name__, url_prefix="/api/v1", description="What platforms are told")


@blp.route("/integrations/<integration_id>/dispatches", methods=["GET"])
@access.requires("integrations:read")
@blp.arguments(DispatchQuery, location="query")
@blp.page(DispatchSchema)
def list_dispatches(query: dict[str, Any], integration_id: str) -> Page:
    """List what the platform was told, newest first, with every attempt"""
    return service.find(access.current_session(), from_public("int", integration_id), query)
