"""What the alert routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.alerts import service
from hub.contracts.event import Severity, State
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery

_STATES = [state.value for state in State]
_SEVERITIES = [severity.value for severity in Severity]


class LabelField(fields.Field[dict[str, str]]):
    """`key:value`; the value may hold colons."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, str]:
        key, colon, wanted = value.partition(":")
        if not key or not colon:
            raise ValidationError("Give label=key:value.")
        return {key: wanted}


class AlertQuery(ListQuery):
    """Filters of alerts."""

    sort = Sort(service.LISTING)
    status = Commas(_STATES)
    severity = Commas(_SEVERITIES)
    service = Commas()
    platform = Commas()
    integration_id = Commas(each=PublicId("int"))
    label = Commas(each=LabelField(), metadata={"description": "key:value, several separated by commas"})


class LinkSchema(Schema):
    """A place to look next."""

    title = fields.String(required=True)
    url = fields.String(required=True)


class AlertSchema(Schema):
    """One alert: all events with one dedup key."""

    id = PublicId("alrt", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATES))
    severity = fields.String(required=True, validate=validate.OneOf(_SEVERITIES))
    raw_severity = fields.String(required=True)
    no_data = fields.Boolean(required=True)
    dedup_key = fields.String(required=True)
    platform = fields.String(required=True)
    integration_id = PublicId("int", required=True)
    service = fields.String(required=True)
    resource = fields.String(required=True)
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    annotations = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    links = fields.List(fields.Nested(LinkSchema), required=True)
    occurrence_count = fields.Integer(required=True)
    episode_count = fields.Integer(required=True)
    started_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    resolved_at = Moment(required=True, allow_none=True)
    incident_id = PublicId("inc", required=True, allow_none=True)
