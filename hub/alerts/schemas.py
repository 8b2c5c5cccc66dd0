"""What the alert routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.alerts import occurrences, service
from hub.contracts.event import Severity, State
from hub.http.fields import Commas, Moment, PlainText, RowSchema, Sort, Texts
from hub.http.ids import PublicId
from hub.http.lists import ListQuery, PageQuery

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

    q = PlainText("Plain text: every word must begin a word of the title, service or resource, in either case")
    sort = Sort(service.LISTING)
    status = Commas(_STATES)
    severity = Commas(_SEVERITIES)
    service = Commas()
    platform = Commas()
    integration_id = Commas(each=PublicId("int"))
    incident_id = Commas(each=PublicId("inc"))
    label = Commas(
        each=LabelField(),
        metadata={
            "description": "key:value, several separated by commas; of one key any, of several keys all must fit"
        },
    )


class OccurrenceQuery(PageQuery):
    """Filters of an alert's occurrences."""

    sort = Sort(occurrences.LISTING)
    state = Commas(_STATES)


class LinkSchema(Schema):
    """A place to look next."""

    title = fields.String(required=True)
    url = fields.String(required=True)


class AlertSchema(RowSchema):
    """One alert: all events with one dedup key."""

    id = PublicId("alrt", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATES))
    suppressed_by = PublicId("sil", required=True, allow_none=True)
    severity = fields.String(required=True, validate=validate.OneOf(_SEVERITIES))
    raw_severity = fields.String(required=True)
    no_data = fields.Boolean(required=True)
    dedup_key = fields.String(required=True)
    platform = fields.String(required=True)
    integration_id = PublicId("int", required=True)
    service = fields.String(required=True)
    resource = fields.String(required=True)
    labels = Texts(required=True)
    annotations = Texts(required=True)
    links = fields.List(fields.Nested(LinkSchema), required=True)
    occurrence_count = fields.Integer(required=True)
    episode_count = fields.Integer(required=True)
    started_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    acknowledged_at = Moment(
        required=True, allow_none=True, metadata={"description": "Since when a person has the current episode in hand"}
    )
    resolved_at = Moment(required=True, allow_none=True)
    is_flapping = fields.Boolean(required=True, metadata={"description": "Fires and resolves again and again."})
    incident_id = PublicId("inc", required=True, allow_none=True)


class OccurrenceDelivery(Schema):
    """The delivery that told an occurrence."""

    id = PublicId("dlv", required=True)
    received_at = Moment(required=True)
    status = fields.String(required=True)
    attempts = fields.Integer(required=True)


class OccurrenceSchema(Schema):
    """One event of an alert: what the platform said, and by which delivery."""

    state = fields.String(required=True, validate=validate.OneOf(_STATES))
    severity = fields.String(required=True, validate=validate.OneOf(_SEVERITIES))
    title = fields.String(required=True)
    description = fields.String(required=True)
    labels = Texts(required=True)
    occurred_at = Moment(required=True)
    received_at = Moment(required=True)
    last_received_at = Moment(required=True)
    item = fields.Integer(required=True, metadata={"description": "Its place in the delivery, from 0"})
    delivery = fields.Nested(OccurrenceDelivery, required=True)
