"""Routes of /alerts."""

from typing import Any

from hub.accounts import access
from hub.alerts import occurrences, service
from hub.alerts.models import Alert
from hub.alerts.schemas import AlertQuery, AlertSchema, OccurrenceQuery, OccurrenceSchema
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public

blp = JsonBlueprint("alerts", __name__, url_prefix="/api/v1/alerts", description="Alerts")


@blp.route("", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(AlertQuery, location="query")
@blp.page(AlertSchema)
def list_alerts(query: dict[str, Any]) -> Page:
    """List alerts, newest first"""
    return service.find(access.current_session(), query)


@blp.route("/<alert_id>", methods=["GET"])
@access.requires("incidents:read")
@blp.one(AlertSchema)
def get_alert(alert_id: str) -> Alert:
    """Read one alert"""
    return service.get(access.current_session(), from_public("alrt", alert_id))


@blp.route("/<alert_id>/events", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(OccurrenceQuery, location="query")
@blp.page(OccurrenceSchema)
def list_occurrences(query: dict[str, Any], alert_id: str) -> Page:
    """List what the platform said of an alert, latest first, each with its delivery"""
    return occurrences.of(access.current_session(), from_public("alrt", alert_id), query)
