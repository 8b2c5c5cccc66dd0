"""What the routes of dispatches take and give."""

from marshmallow import Schema, fields, validate

from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import PageQuery
from hub.notifications.outbound import service

STATUSES = ("pending", "sent", "failed")


class DispatchQuery(PageQuery):
    """Filters of the delivery log."""

    sort = Sort(service.LISTING)
    status = Commas(STATUSES)
    created_after = Moment()
    created_before = Moment()


class AttemptSchema(Schema):
    """One attempt to tell a platform."""

    at = fields.String(required=True)
    outcome = fields.String(required=True)


class DispatchSchema(Schema):
    """A change of an incident that a platform is told; its id is what receivers know it by, at every attempt."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    incident_id = PublicId("inc", required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    attempts = fields.Integer(required=True)
    reason = fields.String(required=True)
    reference = fields.String(required=True, metadata={"description": "The platform's own id of what it made"})
    log = fields.List(fields.Nested(AttemptSchema), required=True)
    next_at = Moment(required=True)
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)
