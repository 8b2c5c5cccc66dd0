"""What the incident routes take and give."""

from typing import Any

from marshmallow import Schema, fields, validate

from hub.alerts.schemas import LinkSchema
from hub.http.blueprint import PageQuery
from hub.http.fields import Commas, Moment
from hub.http.ids import PublicId, to_public
from hub.incidents.rules import MOVES, SEVERITIES

STATUSES = tuple(MOVES)


class IncidentQuery(PageQuery):
    """Filters of incidents."""

    status = Commas((*STATUSES, "open"), load_default=())
    severity = Commas(SEVERITIES, load_default=())
    service = Commas(load_default=())


class _Editable(Schema):
    description = fields.String(validate=validate.Length(max=20_000))
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    service = fields.String(validate=validate.Length(max=200))
    tags = fields.List(fields.String(validate=validate.Length(1, 100)), validate=validate.Length(max=50))


class IncidentInput(_Editable):
    """An incident opened by hand."""

    title = fields.String(required=True, validate=validate.Length(1, 300))


class ResolutionSchema(Schema):
    """What solved it; search finds it next time."""

    summary = fields.String(required=True, validate=validate.Length(1, 20_000))
    root_cause = fields.String(load_default="", validate=validate.Length(max=20_000))


class IncidentPatch(_Editable):
    """What to change; all else stays."""

    title = fields.String(validate=validate.Length(1, 300))
    status = fields.String(validate=validate.OneOf(STATUSES))
    resolution = fields.Nested(ResolutionSchema)


def _source(incident: Any) -> str:
    return to_public("int", incident.source_integration_id) if incident.source_integration_id else "manual"


class IncidentSchema(Schema):
    """Alerts that belong together, or what a person opened by hand."""

    id = PublicId("inc", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    service = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    source = fields.Function(_source, required=True, metadata={"type": "string"})
    alert_count = fields.Integer(required=True)
    resolution = fields.Nested(ResolutionSchema, required=True, allow_none=True)
    links = fields.List(fields.Nested(LinkSchema), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    resolved_at = Moment(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)


class TimelineSchema(Schema):
    """Something that happened to an incident."""

    kind = fields.String(required=True)
    actor = fields.String(required=True)
    data = fields.Dict(keys=fields.String(), required=True)
    at = Moment(required=True)
