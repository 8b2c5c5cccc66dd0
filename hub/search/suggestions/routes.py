"""Routes of what an incident may need: /incidents/{id}/procedures and /similar."""

from typing import Any

from hub.accounts import access
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public, to_public
from hub.search.routes import models
from hub.search.suggestions import service
from hub.search.suggestions.schemas import LimitQuery, SimilarIncidentSchema, SuggestedProcedureSchema, shown
from hub.search.suggestions.service import Past

blp = JsonBlueprint("suggestions", __name__, url_prefix="/api/v1/incidents", description="What an incident may need")


@blp.route("/<incident_id>/procedures", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(LimitQuery, location="query")
@blp.page(SuggestedProcedureSchema)
def list_suggested_procedures(query: dict[str, Any], incident_id: str) -> Page:
    """List procedures for an incident: those with evidence first, the rest labelled as suggestions"""
    found = service.procedures_for(access.current_session(), models(), from_public("inc", incident_id), query["limit"])
    items = [shown(hit, f"/api/v1/procedures/{to_public('proc', hit.id)}") for hit in found]
    return Page(items, len(items), 1, query["limit"])


@blp.route("/<incident_id>/similar", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(LimitQuery, location="query")
@blp.page(SimilarIncidentSchema)
def list_similar_incidents(query: dict[str, Any], incident_id: str) -> Page:
    """List past incidents that were like this one, with their resolutions"""
    found = service.similar_to(access.current_session(), models(), from_public("inc", incident_id), query["limit"])
    return Page([_past(each) for each in found], len(found), 1, query["limit"])


def _past(past: Past) -> dict[str, Any]:
    names = ("status", "severity", "service", "resolution", "created_at", "resolved_at")
    told = {name: getattr(past.incident, name) for name in names}
    return shown(past.hit, f"/api/v1/incidents/{to_public('inc', past.hit.id)}") | told
