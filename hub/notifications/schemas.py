"""What the notification routes take and give."""

from marshmallow import Schema, fields, validate

from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import PageQuery
from hub.notifications import rules, service


class NotificationQuery(PageQuery):
    """Filters of the inbox."""

    sort = Sort(service.LISTING)
    kind = Commas(rules.KINDS)
    unread = fields.Boolean()
    created_after = Moment()
    created_before = Moment()


class SuggestionSchema(Schema):
    """What may help, said when the incident opened; `label` tells evidence from similarity."""

    id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(("procedure", "incident")))
    title = fields.String(required=True)
    confidence = fields.Float(required=True)
    label = fields.String(required=True, validate=validate.OneOf(("evidence", "suggestion")))
    resolution = fields.String(metadata={"description": "What solved it, of an incident that was resolved"})


class NotificationSchema(Schema):
    """Something that the caller was told."""

    id = PublicId("ntf", required=True)
    kind = fields.String(required=True, validate=validate.OneOf(rules.KINDS))
    incident_id = PublicId("inc", required=True)
    title = fields.String(required=True, attribute="data.title", metadata={"description": "The incident's, then"})
    suggestions = fields.List(fields.Nested(SuggestionSchema), required=True)
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)


class MarkInput(Schema):
    """What to change."""

    read = fields.Boolean(required=True)


class MarkedSchema(Schema):
    """How many were unread."""

    marked = fields.Integer(required=True)


class Channels(fields.List[str]):
    """Some of the channels, or none."""

    def __init__(self, *, required: bool = False) -> None:
        one = fields.String(validate=validate.OneOf(rules.CHANNELS))
        super().__init__(one, required=required, validate=validate.Length(max=len(rules.CHANNELS)))


class PreferencesPatch(Schema):
    """Where to hear of which kind; all else stays, and an empty list is silence."""

    mentioned = Channels()
    assigned = Channels()
    critical = Channels()


class PreferencesSchema(Schema):
    """Where the caller hears of which kind."""

    mentioned = Channels(required=True)
    assigned = Channels(required=True)
    critical = Channels(required=True)
