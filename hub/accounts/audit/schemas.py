"""What the audit log's route takes and gives."""

from marshmallow import Schema, fields, validate

from hub.accounts.audit import service
from hub.accounts.audit.models import AuditEntry
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId, to_public
from hub.http.lists import PageQuery
from hub.http.published import published

# the area of an action → the prefix of the ids that it is about
_PREFIXES = {
    "account": "user",
    "alerts": "alrt",
    "api_keys": "key",
    "billing": "org",
    "deliveries": "dlv",
    "executions": "exec",
    "heartbeats": "hbt",
    "incidents": "inc",
    "integrations": "int",
    "notifications": "ntf",
    "organization": "org",
    "procedures": "proc",
    "rules": "rule",
    "services": "svc",
    "sessions": "sess",
    "silences": "sil",
    "users": "user",
}


class AuditQuery(PageQuery):
    """Filters of the audit log."""

    sort = Sort(service.LISTING)
    action = Commas()
    result = Commas((service.DONE, service.REFUSED))
    user_id = Commas(each=PublicId("user"))
    created_after = Moment(metadata={"description": "At or after this moment"})
    created_before = Moment(metadata={"description": "Before this moment"})


def _subject(entry: AuditEntry) -> str | None:
    if entry.subject_id is None:
        return None
    area = entry.action.partition(":")[0]
    return to_public(_PREFIXES.get(area, area), entry.subject_id)


class ActorSchema(Schema):
    """Who did it."""

    kind = fields.String(required=True, validate=validate.OneOf(("user", "api_key", "system", "anonymous")))
    user_id = PublicId("user", required=True, allow_none=True)
    api_key_id = PublicId("key", required=True, allow_none=True)


class AuditSchema(Schema):
    """One entry: who, what, when, from where, result."""

    id = PublicId("aud", required=True)
    actor = fields.Nested(ActorSchema, required=True)
    action = fields.String(required=True)
    subject = fields.Function(_subject, required=True, metadata={"type": ["string", "null"]})
    result = fields.String(required=True, validate=validate.OneOf((service.DONE, service.REFUSED)))
    address = fields.String(required=True)
    user_agent = fields.String(required=True)
    request_id = fields.String(required=True)
    detail = fields.Function(lambda entry: published(entry.detail), required=True, metadata={"type": "object"})
    created_at = Moment(required=True)
