"""What the silence routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.alerts import matching
from hub.alerts.silencing import rules, service
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery

MOST_MATCHERS = 20


class MatcherSchema(Schema):
    """One condition: a field, or the label `labels.<name>`, is (or is not) the value, or is like the RE2 pattern."""

    name = fields.String(
        required=True,
        validate=validate.Length(1, matching.LONGEST_NAME),
        metadata={"description": f"labels.<name>, or one of: {', '.join(matching.FIELDS)}"},
    )
    value = fields.String(required=True, validate=validate.Length(max=matching.LONGEST_VALUE))
    is_regex = fields.Boolean(load_default=False)
    is_equal = fields.Boolean(load_default=True)

    @validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if problem := matching.problem_of(data["name"]):
            raise ValidationError(problem, "name")
        if data["is_regex"] and (problem := matching.problem_of_pattern(data["value"])):
            raise ValidationError(problem, "value")


_MATCHERS = validate.Length(1, MOST_MATCHERS)


class SilenceInput(Schema):
    """A silence; without `starts_at` it begins now."""

    matchers = fields.List(fields.Nested(MatcherSchema), required=True, validate=_MATCHERS)
    starts_at = Moment()
    ends_at = Moment(required=True)
    comment = fields.String(validate=validate.Length(max=2_000))


class SilencePatch(Schema):
    """What to change; all else stays."""

    matchers = fields.List(fields.Nested(MatcherSchema), validate=_MATCHERS)
    starts_at = Moment()
    ends_at = Moment()
    comment = fields.String(validate=validate.Length(max=2_000))


class SilenceQuery(ListQuery):
    """Filters of silences."""

    sort = Sort(service.LISTING)
    status = Commas(rules.STATUSES)


class SilenceSchema(Schema):
    """While `status` is active, the alerts that meet all matchers say so in `suppressed_by` and open no incident."""

    id = PublicId("sil", required=True)
    matchers = fields.List(fields.Nested(MatcherSchema), required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    status = fields.String(required=True, validate=validate.OneOf(rules.STATUSES))
    comment = fields.String(required=True)
    created_by = PublicId("user", required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
