"""What the incident routes take and give."""

from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validate

from hub.alerts.schemas import LinkSchema
from hub.contracts.event import State
from hub.http.blueprint import Meta
from hub.http.fields import Commas, Moment, PlainText, RowSchema, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery, PageQuery
from hub.incidents import comments, service
from hub.incidents.rules import MOVES, SEVERITIES

STATUSES = tuple(MOVES)
MANUAL = "manual"
NOBODY = "none"


class SourceId(PublicId):
    """The integration that opened an incident, or "manual"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("int", metadata={"pattern": "^(int_[0-9a-f]{32}|manual)$"}, **kwargs)

    def _serialize(self, value: UUID | None, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return super()._serialize(value, attr, obj, **kwargs) or MANUAL

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return None if value == MANUAL else super().deserialize(value, attr, data, **kwargs)


class AssigneeId(PublicId):
    """A person, or "none"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("user", metadata={"pattern": "^(user_[0-9a-f]{32}|none)$"}, **kwargs)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **kwargs: Any) -> Any:
        return None if value == NOBODY else super().deserialize(value, attr, data, **kwargs)


class IncidentQuery(ListQuery):
    """Filters of incidents; status=open means active and in progress, assignee=none those that are nobody's."""

    q = PlainText("Plain text: every word must begin a word of the title, service or description, in either case")
    sort = Sort(service.LISTING)
    status = Commas((*STATUSES, "open"))
    severity = Commas(SEVERITIES)
    service = Commas()
    assignee = Commas(each=AssigneeId())
    tag = Commas()
    source = Commas(each=SourceId())


class CommentQuery(PageQuery):
    """The order of comments: oldest first, unless asked otherwise."""

    sort = Sort(comments.LISTING)


class LinkInput(Schema):
    """A place to look next."""

    title = fields.String(load_default="", validate=validate.Length(max=200))
    url = fields.URL(required=True, schemes={"http", "https"}, require_tld=False, validate=validate.Length(max=2_000))


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")


_TITLE = (validate.Length(1, 300), _not_blank)


class _Editable(Schema):
    description = fields.String(validate=validate.Length(max=20_000))
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    service = fields.String(validate=validate.Length(max=200))
    tags = fields.List(fields.String(validate=(validate.Length(1, 100), _not_blank)), validate=validate.Length(max=50))
    links = fields.List(fields.Nested(LinkInput), validate=validate.Length(max=20))
    assignee_id = PublicId("user", data_key="assignee", allow_none=True)

    @post_load
    def _unique_tags(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | ({"tags": list(dict.fromkeys(data["tags"]))} if "tags" in data else {})


class IncidentInput(_Editable):
    """An incident opened by hand."""

    title = fields.String(required=True, validate=_TITLE)


class ResolutionSchema(Schema):
    """What solved it; search finds it next time."""

    summary = fields.String(required=True, validate=(validate.Length(1, 20_000), _not_blank))
    root_cause = fields.String(load_default="", validate=validate.Length(max=20_000))


class IncidentPatch(_Editable):
    """What to change; all else stays."""

    title = fields.String(validate=_TITLE)
    status = fields.String(validate=validate.OneOf(STATUSES))
    resolution = fields.Nested(ResolutionSchema, allow_none=True)


class PersonSchema(Schema):
    """A person, as others see them."""

    id = PublicId("user", required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)


class IncidentSchema(RowSchema):
    """Alerts that belong together, or what a person opened by hand."""

    id = PublicId("inc", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    service = fields.String(required=True)
    tags = fields.List(fields.String(), required=True)
    assignee = fields.Nested(PersonSchema, required=True, allow_none=True)
    source = SourceId(attribute="source_integration_id", required=True)
    alert_count = fields.Integer(required=True)
    resolution = fields.Nested(ResolutionSchema, required=True, allow_none=True)
    links = fields.List(fields.Nested(LinkSchema), required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    resolved_at = Moment(required=True, allow_none=True)
    closed_at = Moment(required=True, allow_none=True)
    merged_into = PublicId("inc", required=True, allow_none=True)


class MergeInput(Schema):
    """The incident that takes this one's alerts."""

    into = PublicId("inc", required=True)


class SplitInput(Schema):
    """The alerts that leave; none for a merged incident, whose merge is undone."""

    alert_ids = fields.List(PublicId("alrt"), load_default=list, validate=validate.Length(max=1_000))
    title = fields.String(load_default=None, validate=_TITLE)


class CommentInput(Schema):
    """What to say, in Markdown; `@name` mentions a person, `@"Full Name"` one whose name has spaces."""

    body = fields.String(required=True, validate=(validate.Length(1, 20_000), _not_blank))


class CommentSchema(Schema):
    """What a person wrote about an incident."""

    id = PublicId("cmt", required=True)
    incident_id = PublicId("inc", required=True)
    author = fields.Nested(PersonSchema, required=True, allow_none=True)
    body = fields.String(required=True)
    mentions = fields.List(fields.Nested(PersonSchema), required=True)
    created_at = Moment(required=True)


class ReportSchema(Schema):
    """A post-incident report."""

    markdown = fields.String(required=True)


class ReportAnswer(Schema):
    """The envelope of a report, unless its Markdown itself is asked for."""

    data = fields.Nested(ReportSchema, required=True)
    meta = fields.Nested(Meta, required=True)


class AlertPatch(Schema):
    """What a person knows of an alert, and the incident where it belongs."""

    status = fields.String(validate=validate.OneOf([state.value for state in State]))
    incident_id = PublicId("inc")
