"""What the rule routes take and give."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from hub.alerts import matching
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery
from hub.incidents.grouping import service
from hub.incidents.rules import SEVERITIES

ACTIONS = ("group", "open", "ignore", "route")
DEFAULT_WINDOW_SECONDS = 300
LONGEST_WINDOW_SECONDS = 7 * 24 * 3_600
_MOST_CONDITIONS = 20
_MOST_VALUES = 100

_MATCH_SHAPE = {
    "type": "object",
    "maxProperties": _MOST_CONDITIONS,
    "additionalProperties": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": _MOST_VALUES},
            {
                "type": "object",
                "properties": {"regex": {"type": "string"}},
                "required": ["regex"],
                "additionalProperties": False,
            },
        ]
    },
    "description": "Field or labels.<name> → a value, a list of values (any of them), or {regex: an RE2 pattern}",
    "example": {"service": ["checkout", "cart"], "labels.env": "prod", "title": {"regex": "(?i).*disk.*"}},
}


class Match(fields.Field[dict[str, Any]]):
    """The conditions of a rule; all must be met, and without any the rule takes every alert."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata=_MATCH_SHAPE, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > _MOST_CONDITIONS:
            raise ValidationError(f"Give an object of up to {_MOST_CONDITIONS} conditions.")
        problems = {name: [problem] for name, wanted in value.items() if (problem := _problem(name, wanted))}
        if problems:
            raise ValidationError(problems)
        return value


def _problem(name: str, wanted: Any) -> str | None:
    if problem := matching.problem_of(name):
        return problem
    if isinstance(wanted, dict):
        return _pattern_problem(wanted)
    values = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(values, list) or not 1 <= len(values) <= _MOST_VALUES:
        return f'Give a text, a list of up to {_MOST_VALUES} texts, or {{"regex": "…"}}.'
    if not all(isinstance(each, str) and len(each) <= matching.LONGEST_VALUE for each in values):
        return f"Values are texts of up to {matching.LONGEST_VALUE} characters."
    return None


def _pattern_problem(wanted: dict[str, Any]) -> str | None:
    pattern = wanted.get("regex")
    if set(wanted) != {"regex"} or not isinstance(pattern, str) or len(pattern) > matching.LONGEST_VALUE:
        return f'Give {{"regex": "…"}} with up to {matching.LONGEST_VALUE} characters.'
    return matching.problem_of_pattern(pattern)


def _is_fact(name: str) -> None:
    if problem := matching.problem_of(name):
        raise ValidationError(problem)


class RouteSchema(Schema):
    """What a `route` rule sets."""

    service = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, 200))
    assignee = PublicId("user", load_default=None, allow_none=True)


# how the columns of a rule stand in a body: `route` is one object there
_COLUMNS = {"service": "route_service", "assignee": "route_assignee_id"}


class _Editable(Schema):
    order = fields.Integer(attribute="position", validate=validate.Range(0, 1_000_000))
    group_by = fields.List(
        fields.String(validate=[validate.Length(1, matching.LONGEST_NAME), _is_fact]),
        validate=validate.Length(max=10),
        metadata={"description": f"labels.<name>, or any of: {', '.join(matching.FIELDS)}"},
    )
    severity_override = fields.String(allow_none=True, validate=validate.OneOf(SEVERITIES))
    route = fields.Nested(RouteSchema, metadata={"description": "For the action `route`: service, assignee, or both"})
    enabled = fields.Boolean()

    @post_load
    def _spread(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        route = data.pop("route", {})
        return data | {_COLUMNS[name]: value for name, value in route.items()}


_WINDOW = validate.Range(1, LONGEST_WINDOW_SECONDS)


class RuleInput(_Editable):
    """A rule; without `order` it comes last."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    match = Match(load_default=dict)
    window_seconds = fields.Integer(load_default=DEFAULT_WINDOW_SECONDS, strict=True, validate=_WINDOW)
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))


class RulePatch(_Editable):
    """What to change; all else stays."""

    name = fields.String(validate=validate.Length(1, 200))
    match = Match()
    window_seconds = fields.Integer(strict=True, validate=_WINDOW)
    action = fields.String(validate=validate.OneOf(ACTIONS))


class RuleQuery(ListQuery):
    """Filters of rules."""

    sort = Sort(service.LISTING)
    action = Commas(ACTIONS)
    enabled = fields.Boolean()


class RuleSchema(Schema):
    """A correlation rule; the first enabled one in `order` that matches decides. Decisions name its `version`."""

    id = PublicId("rule", required=True)
    name = fields.String(required=True)
    order = fields.Integer(attribute="position", required=True)
    match = Match(required=True)
    group_by = fields.List(fields.String(), required=True)
    window_seconds = fields.Integer(required=True)
    action = fields.String(required=True, validate=validate.OneOf(ACTIONS))
    severity_override = fields.String(required=True, allow_none=True)
    route = fields.Nested(RouteSchema, required=True)
    enabled = fields.Boolean(required=True)
    version = fields.Integer(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class BacktestIncident(Schema):
    """An incident as it would be."""

    title = fields.String(required=True)
    alert_count = fields.Integer(required=True)


class BacktestExample(Schema):
    """Alerts that would be elsewhere; null is no incident at all. Up to five of them are named."""

    alert_count = fields.Integer(required=True)
    alert_ids = fields.List(PublicId("alrt"), required=True)
    before = fields.Nested(BacktestIncident, required=True, allow_none=True)
    after = fields.Nested(BacktestIncident, required=True, allow_none=True)


class BacktestSchema(Schema):
    """The last events, once without the rule and once with it; without what people did meanwhile."""

    event_count = fields.Integer(required=True)
    is_complete = fields.Boolean(required=True, metadata={"description": "False when there are older events"})
    incidents_before = fields.Integer(required=True)
    incidents_after = fields.Integer(required=True)
    alerts_moved = fields.Integer(required=True)
    examples = fields.List(fields.Nested(BacktestExample), required=True)
