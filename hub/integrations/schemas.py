"""What the integration routes take and give."""

from marshmallow import Schema, ValidationError, fields, validate

from hub.contracts.event import Severity
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery
from hub.integrations import rules, service


class IntegrationQuery(ListQuery):
    """Filters of integrations."""

    sort = Sort(service.LISTING)
    platform = Commas()
    enabled = fields.Boolean()


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must not be blank.")


_NAME = (validate.Length(1, 200), _not_blank)
_EVENTS = fields.List(
    fields.String(validate=validate.OneOf(rules.EVENTS)),
    validate=validate.Length(max=len(rules.EVENTS)),
    metadata={"description": "What the platform is told of"},
)


class OutboundFiltersSchema(Schema):
    """Of which incidents the platform is told; a list that is missing filters nothing."""

    severity = fields.List(
        fields.String(validate=validate.OneOf([each for each in Severity if each != Severity.UNKNOWN])),
        validate=validate.Length(1, 5),
    )
    service = fields.List(fields.String(validate=validate.Length(1, 200)), validate=validate.Length(1, 100))


class _Editable(Schema):
    enabled = fields.Boolean()
    events = _EVENTS
    filters = fields.Nested(OutboundFiltersSchema)
    expire_after_seconds = fields.Integer(
        allow_none=True,
        validate=validate.Range(60, 31_536_000),
        metadata={"description": "An alert that is silent for so long is over; null: never"},
    )


class IntegrationInput(_Editable):
    """A platform to connect."""

    platform = fields.String(required=True, validate=validate.Length(1, 64))
    name = fields.String(required=True, validate=_NAME)
    config = fields.Dict(keys=fields.String(), load_default=dict)


class IntegrationPatch(_Editable):
    """What to change; all else stays, in `config` too: there null takes a field out, and a secret's dots keep it."""

    name = fields.String(validate=_NAME)
    config = fields.Dict(keys=fields.String())


class RotationInput(Schema):
    """How long the old token or secret is good, and the new secret when the platform makes it itself."""

    grace_seconds = fields.Integer(load_default=86_400, validate=validate.Range(0, 604_800))
    secret = fields.String(load_default=None, load_only=True, validate=validate.Length(1, 1_000))


class IntegrationSchema(Schema):
    """A connected platform. `webhook_url` carries the token; it is shown in full only when the token is made."""

    id = PublicId("int", required=True)
    platform = fields.String(required=True)
    name = fields.String(required=True)
    config = fields.Dict(keys=fields.String(), required=True)
    enabled = fields.Boolean(required=True)
    events = fields.List(fields.String(), required=True)
    filters = fields.Nested(OutboundFiltersSchema, required=True)
    notify_disabled_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "Since when the platform is told nothing, because telling it kept failing"},
    )
    notify_problem = fields.String(required=True)
    expire_after_seconds = fields.Integer(required=True, allow_none=True)
    webhook_url = fields.String(required=True)
    previous_until = Moment(
        required=True, allow_none=True, metadata={"description": "Until when the token or secret before is good"}
    )
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class RotatedSchema(IntegrationSchema):
    """The integration with its new token in `webhook_url` and its new signing secret, both shown this once."""

    secret = fields.String(required=True, allow_none=True)


class CheckSchema(Schema):
    """Whether the credentials work; `missing` names the permissions that they lack."""

    ok = fields.Boolean(required=True)
    detail = fields.String(required=True)
    missing = fields.List(fields.String(), required=True)


class PlatformSchema(Schema):
    """A connector that is installed."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    version = fields.String(required=True)
    directions = fields.List(fields.String(), required=True)
    config_schema = fields.Dict(keys=fields.String(), required=True)
    setup_guide = fields.String(required=True)
    installs = fields.Boolean(
        required=True, metadata={"description": "Whether POST /integrations/{id}/install does the set-up"}
    )
    sample_body = fields.String(required=True)
