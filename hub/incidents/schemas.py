"""What the incident routes take and give."""

from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from hub.alerts.schemas import LinkSchema
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery, PageQuery
from hub.incidents import service
from hub.incidents.rules import MOVES, SEVERITIES

STATUSES = tuple(MOVES)
MANUAL = "manual"


class SourceId(PublicId):
    """The integration that opened an incident, or "manual"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("int", metadata={"pattern": "^(int_[0-9a-f]{32}|manual)$"}, **kwargs)

    def _serialize(self, value: UUID | None, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return super()._serialize(value, attr, obj, **kwargs) or MANUAL

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return None if value == MANUAL else super().deserialize(value, attr, data, **kwargs)


class IncidentQuery(ListQuery):
    """Filters of incidents; status=open means active and in progress."""

    sort = Sort(service.LISTING)
    status = Commas((*STATUSES, "open"))
    severity = Commas(SEVERITIES)
    service = Commas()
    tag = Commas()
    source = Commas(each=SourceId())


class TimelineQuery(PageQuery):
    """The order of a timeline: oldest first, unless asked otherwise."""

    sort = Sort(service.TIMELINE)


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


class IncidentSchema(Schema):
    """Alerts that belong together, or what a person opened by hand."""

    id = PublicId("inc", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    service = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    source = SourceId(attribute="source_integration_id", required=True)
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
