"""Routes of /incidents."""

from typing import Any

from hub.accounts import access
from hub.alerts.schemas import AlertQuery, AlertSchema
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public, to_public
from hub.incidents import service
from hub.incidents.models import Incident
from hub.incidents.schemas import (
    IncidentInput,
    IncidentPatch,
    IncidentQuery,
    IncidentSchema,
    TimelineQuery,
    TimelineSchema,
)

blp = JsonBlueprint("incidents", __name__, url_prefix="/api/v1/incidents", description="Incidents")


@blp.route("", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(IncidentQuery, location="query")
@blp.page(IncidentSchema)
def list_incidents(query: dict[str, Any]) -> Page:
    """List incidents, newest first; status=open means active and in progress"""
    return service.find(access.current_session(), query)


@blp.route("", methods=["POST"])
@access.requires("incidents:create")
@blp.arguments(IncidentInput)
@blp.one(IncidentSchema, status=201)
def open_incident(fields: dict[str, Any]) -> Incident:
    """Open an incident by hand"""
    session = access.current_session()
    incident = service.open_by_hand(session, _actor(), **fields)
    session.commit()
    return incident


@blp.route("/<incident_id>", methods=["GET"])
@access.requires("incidents:read")
@blp.one(IncidentSchema)
def get_incident(incident_id: str) -> Incident:
    """Read one incident"""
    return service.get(access.current_session(), from_public("inc", incident_id))


@blp.route("/<incident_id>", methods=["PATCH"])
@access.requires("incidents:update")
@blp.arguments(IncidentPatch)
@blp.one(IncidentSchema)
def change_incident(fields: dict[str, Any], incident_id: str) -> Incident:
    """Change an incident; 409 names the moves that its status allows"""
    session = access.current_session()
    incident = service.change(session, from_public("inc", incident_id), _actor(), fields)
    session.commit()
    return incident


@blp.route("/<incident_id>/alerts", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(AlertQuery, location="query")
@blp.page(AlertSchema)
def list_alerts_of_incident(query: dict[str, Any], incident_id: str) -> Page:
    """List the alerts of an incident"""
    return service.alerts_of(access.current_session(), from_public("inc", incident_id), query)


@blp.route("/<incident_id>/timeline", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(TimelineQuery, location="query")
@blp.page(TimelineSchema)
def get_timeline(query: dict[str, Any], incident_id: str) -> Page:
    """Read everything that happened to an incident, oldest first"""
    return service.timeline_of(access.current_session(), from_public("inc", incident_id), query)


def _actor() -> str:
    return to_public("user", access.caller().user_id)
