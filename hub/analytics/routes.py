"""Routes of /analytics, and the blast radius of an incident."""

from typing import Any
from uuid import UUID

from hub.accounts import access
from hub.analytics import blast, schemas, service
from hub.analytics.blast import Radius
from hub.analytics.figures import Executions, Question
from hub.http.blueprint import JsonBlueprint
from hub.http.ids import from_public

blp = JsonBlueprint("analytics", __name__, url_prefix="/api/v1", description="Figures")

_ALL = "analytics:read"
_OWN = "analytics:read_own"


@blp.route("/analytics/dashboard", methods=["GET"])
@access.requires(_OWN)
@blp.arguments(schemas.PeriodQuery, location="query")
@blp.one(schemas.Dashboard)
def get_dashboard(query: dict[str, Any]) -> dict[str, Any]:
    """Read all figures at a glance; engineers see those of their own incidents"""
    session = access.current_session()
    period = service.period(session, **query)
    return schemas.dashboard(service.dashboard(session, period, _only()))


@blp.route("/analytics/incidents", methods=["GET"])
@access.requires(_OWN)
@blp.arguments(schemas.FiguresQuery, location="query")
@blp.one(schemas.IncidentAnalytics)
def get_incident_analytics(query: dict[str, Any]) -> dict[str, Any]:
    """Read the figures of incidents by severity, service, person and period; engineers see their own"""
    session = access.current_session()
    filters = {name: query.pop(name, None) for name in ("severities", "services", "assignee_ids")}
    filters["assignee_ids"] = _only() or filters["assignee_ids"]
    period = service.period(session, **query)
    return schemas.incident_analytics(period, service.incidents(session, Question(period, **filters)))


@blp.route("/analytics/procedures", methods=["GET"])
@access.requires(_ALL)
@blp.arguments(schemas.PeriodQuery, location="query")
@blp.one(schemas.ProcedureAnalytics)
def get_procedure_analytics(query: dict[str, Any]) -> Executions:
    """Read how runbooks fared, which are stale, and for which incidents there is none"""
    session = access.current_session()
    return service.procedures(session, service.period(session, **query))


@blp.route("/incidents/<incident_id>/blast-radius", methods=["GET"])
@access.requires("incidents:read")
@blp.one(schemas.BlastRadius)
def get_blast_radius(incident_id: str) -> Radius:
    """Read which services depend, by the catalogue, on those of the incident"""
    return blast.radius_of(access.current_session(), from_public("inc", incident_id))


def _only() -> list[UUID] | None:
    """Whose incidents the caller may see figures of; None: everybody's."""
    caller = access.caller()
    return None if caller.may(_ALL) else [caller.user_id]
