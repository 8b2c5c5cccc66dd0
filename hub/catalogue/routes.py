"""Routes of /services."""

from typing import Any

from hub.accounts import access
from hub.catalogue import service
from hub.catalogue.models import Service
from hub.catalogue.schemas import ServiceInput, ServicePatch, ServiceQuery, ServiceSchema
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public

blp = JsonBlueprint("services", __name__, url_prefix="/api/v1/services", description="The service catalogue")


@blp.route("", methods=["GET"])
@access.requires("services:read")
@blp.arguments(ServiceQuery, location="query")
@blp.page(ServiceSchema)
def list_services(query: dict[str, Any]) -> Page:
    """List the services of the catalogue, by name"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("services:create")
@blp.arguments(ServiceInput)
@blp.one(ServiceSchema, status=201)
def add_service(wanted: dict[str, Any]) -> Service:
    """Add a service; 422 names the circle when its dependencies would close one"""
    session = access.current_session()
    added = service.add(session, **wanted)
    session.commit()
    return added


@blp.route("/<service_id>", methods=["GET"])
@access.requires("services:read")
@blp.one(ServiceSchema)
def get_service(service_id: str) -> Service:
    """Read one service"""
    return service.get(access.current_session(), from_public("svc", service_id))


@blp.route("/<service_id>", methods=["PATCH"])
@access.requires("services:update")
@blp.arguments(ServicePatch)
@blp.one(ServiceSchema)
def change_service(fields: dict[str, Any], service_id: str) -> Service:
    """Change a service; `depends_on` replaces all its dependencies"""
    session = access.current_session()
    changed = service.change(session, from_public("svc", service_id), fields)
    session.commit()
    return changed


@blp.route("/<service_id>", methods=["DELETE"])
@access.requires("services:delete")
@blp.response(204)
def remove_service(service_id: str) -> None:
    """Remove a service from the catalogue"""
    session = access.current_session()
    service.remove(session, from_public("svc", service_id))
    session.commit()
