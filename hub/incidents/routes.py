"""Routes of /incidents, and of what people do with alerts, because that moves incidents."""

from typing import Any

from flask import Response, request

from hub.accounts import access
from hub.alerts.models import Alert
from hub.alerts.schemas import AlertQuery, AlertSchema
from hub.http.blueprint import JsonBlueprint, Page
from hub.http.ids import from_public, to_public
from hub.incidents import alert_changes, comments, membership, merging, reporting, schemas, service, timeline
from hub.incidents.comments import Written
from hub.incidents.models import Incident
from hub.incidents.told import ReasonSchema, TimelineQuery, TimelineSchema, WhyQuery

blp = JsonBlueprint("incidents", __name__, url_prefix="/api/v1", description="Incidents")

_MARKDOWN = "text/markdown"


@blp.route("/incidents", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(schemas.IncidentQuery, location="query")
@blp.page(schemas.IncidentSchema)
def list_incidents(query: dict[str, Any]) -> Page:
    """List incidents, newest first; status=open means active and in progress"""
    return service.find(access.current_session(), query)


@blp.route("/incidents", methods=["POST"])
@access.requires("incidents:create")
@blp.arguments(schemas.IncidentInput)
@blp.one(schemas.IncidentSchema, status=201)
def open_incident(fields: dict[str, Any]) -> Incident:
    """Open an incident by hand; to assign it to somebody needs incidents:assign"""
    session = access.current_session()
    _check_assigning(fields)
    incident = service.open_by_hand(session, _actor(), access.caller().user_id, **fields)
    session.commit()
    return incident


@blp.route("/incidents/<incident_id>", methods=["GET"])
@access.requires("incidents:read")
@blp.one(schemas.IncidentSchema)
def get_incident(incident_id: str) -> Incident:
    """Read one incident"""
    return service.get(access.current_session(), from_public("inc", incident_id))


@blp.route("/incidents/<incident_id>", methods=["PATCH", "PUT"])
@access.requires("incidents:update")
@blp.arguments(schemas.IncidentPatch)
@blp.one(schemas.IncidentSchema)
def change_incident(fields: dict[str, Any], incident_id: str) -> Incident:
    """Change an incident; 409 names the moves that its status allows; to assign it needs incidents:assign"""
    session = access.current_session()
    _check_assigning(fields)
    changed = service.change(session, from_public("inc", incident_id), _actor(), access.caller().user_id, fields)
    session.commit()
    return changed


@blp.route("/incidents/<incident_id>", methods=["DELETE"])
@access.requires("incidents:delete")
@blp.response(204)
def delete_incident(incident_id: str) -> None:
    """Delete an incident with its comments and timeline; its alerts stay, and the audit log remembers it"""
    session = access.current_session()
    service.delete(session, from_public("inc", incident_id))
    session.commit()


@blp.route("/incidents/<incident_id>/comments", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(schemas.CommentQuery, location="query")
@blp.page(schemas.CommentSchema)
def list_comments(query: dict[str, Any], incident_id: str) -> Page:
    """List the comments on an incident, oldest first"""
    return comments.of(access.current_session(), from_public("inc", incident_id), query)


@blp.route("/incidents/<incident_id>/comments", methods=["POST"])
@access.requires("incidents:update")
@blp.arguments(schemas.CommentInput)
@blp.one(schemas.CommentSchema, status=201)
def write_comment(fields: dict[str, Any], incident_id: str) -> Written:
    """Write a comment in Markdown; @name mentions a person"""
    session = access.current_session()
    author = access.caller().user_id
    written = comments.write(session, from_public("inc", incident_id), author, _actor(), fields["body"])
    session.commit()
    return written


@blp.route("/incidents/<incident_id>/timeline", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(TimelineQuery, location="query")
@blp.page(TimelineSchema)
def get_timeline(query: dict[str, Any], incident_id: str) -> Page:
    """Read everything that happened to an incident, oldest first"""
    session = access.current_session()
    incident = service.get(session, from_public("inc", incident_id))
    return timeline.of(session, incident.id, query)


@blp.route("/incidents/<incident_id>/alerts", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(AlertQuery, location="query")
@blp.page(AlertSchema)
def list_alerts_of_incident(query: dict[str, Any], incident_id: str) -> Page:
    """List the alerts of an incident"""
    return membership.alerts_of(access.current_session(), from_public("inc", incident_id), query)


@blp.route("/incidents/<incident_id>/why", methods=["GET"])
@access.requires("incidents:read")
@blp.arguments(WhyQuery, location="query")
@blp.page(ReasonSchema)
def explain_incident(query: dict[str, Any], incident_id: str) -> Page:
    """Explain for each alert why it is in this incident"""
    return membership.why(access.current_session(), from_public("inc", incident_id), query)


@blp.route("/incidents/<incident_id>/merge", methods=["POST"])
@access.requires("incidents:update")
@blp.arguments(schemas.MergeInput)
@blp.one(schemas.IncidentSchema)
def merge_incident(fields: dict[str, Any], incident_id: str) -> Incident:
    """Merge this incident into another one, which is answered; /split of this one undoes it"""
    session = access.current_session()
    merged = merging.merge(session, from_public("inc", incident_id), fields["into"], _actor())
    session.commit()
    return merged


@blp.route("/incidents/<incident_id>/split", methods=["POST"])
@access.requires("incidents:update")
@blp.arguments(schemas.SplitInput)
@blp.one(schemas.IncidentSchema, status=201)
def split_incident(fields: dict[str, Any], incident_id: str) -> Incident:
    """Split alerts off into a new incident; without alerts, undo the merge of a merged one"""
    session = access.current_session()
    split = merging.split(session, from_public("inc", incident_id), _actor(), **fields)
    session.commit()
    return split


@blp.route("/incidents/<incident_id>/report", methods=["GET"])
@access.requires("incidents:read")
@blp.response(200, schemas.ReportAnswer)
@blp.or_text(_MARKDOWN)
def write_report(incident_id: str) -> Any:
    """Write the post-incident report; with Accept: text/markdown the answer is the Markdown itself"""
    report = reporting.report_of(access.current_session(), from_public("inc", incident_id), incident_id)
    wants_text = request.accept_mimetypes.best_match(["application/json", _MARKDOWN]) == _MARKDOWN
    enveloped = {"data": {"markdown": report}, "meta": {"total": 1, "page": 1}}
    return Response(report, mimetype=_MARKDOWN) if wants_text else enveloped


@blp.route("/alerts/<alert_id>", methods=["PATCH", "PUT"])
@access.requires("incidents:update")
@blp.arguments(schemas.AlertPatch)
@blp.one(AlertSchema)
def change_alert(fields: dict[str, Any], alert_id: str) -> Alert:
    """Acknowledge or resolve an alert, or move it to another incident; 409 names what its status allows"""
    session = access.current_session()
    alert = alert_changes.change(session, from_public("alrt", alert_id), _actor(), **fields)
    session.commit()
    return alert


def _check_assigning(fields: dict[str, Any]) -> None:
    if "assignee_id" in fields:
        access.caller().demand("incidents:assign")


def _actor() -> str:
    return to_public("user", access.caller().user_id)
