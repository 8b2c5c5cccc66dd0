"""What the organization's routes take and give."""

from typing import Any

from marshmallow import Schema, fields, validate

from hub.accounts.organizations.plans import DEFAULTS
from hub.accounts.people.schemas import Timezone
from hub.http.fields import Moment
from hub.http.ids import PublicId

_SEVERITIES = ("critical", "high", "medium", "low")
_THRESHOLDS = (*_SEVERITIES, "info")
_YEAR_MINUTES = 366 * 24 * 60


class PasswordPolicySchema(Schema):
    """What a password needs."""

    min_length = fields.Integer(validate=validate.Range(8, 128))
    require_uppercase = fields.Boolean()
    require_lowercase = fields.Boolean()
    require_numbers = fields.Boolean()
    require_special_chars = fields.Boolean()


class SettingsSchema(Schema):
    """How the organization works; what is left out stays."""

    default_incident_severity = fields.String(validate=validate.OneOf(_SEVERITIES))
    auto_assign_incidents = fields.Boolean()
    require_approval_for_procedures = fields.Boolean()
    session_timeout_minutes = fields.Integer(
        validate=validate.Range(5, 7 * 24 * 60), metadata={"description": "Without a request for so long, log in again"}
    )
    password_policy = fields.Nested(PasswordPolicySchema)
    incident_retention_days = fields.Integer(validate=validate.Range(1, 3_650))
    incident_threshold = fields.String(validate=validate.OneOf(_THRESHOLDS))
    reopen_window_minutes = fields.Integer(validate=validate.Range(0, _YEAR_MINUTES))
    auto_resolve = fields.Boolean()
    auto_resolve_minutes = fields.Integer(validate=validate.Range(0, _YEAR_MINUTES))


class OrganizationPatch(Schema):
    """What to change; all else stays."""

    name = fields.String(validate=validate.Length(1, 200))
    slug = fields.String(
        validate=validate.Regexp(
            r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z", error="Lower-case letters, digits and hyphens, up to 64."
        )
    )
    timezone = Timezone()
    settings = fields.Nested(SettingsSchema)


class OrganizationSchema(Schema):
    """The caller's organization."""

    id = PublicId("org", required=True)
    name = fields.String(required=True)
    slug = fields.String(required=True)
    timezone = fields.String(required=True)
    plan = fields.String(required=True, validate=validate.OneOf(tuple(DEFAULTS)))
    settings = fields.Nested(SettingsSchema, required=True, attribute="effective_settings")
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class _Limit(fields.Integer):
    """A whole number from 1, or null for no limit."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_none=True, validate=validate.Range(1, 1_000_000_000), **kwargs)


class LimitsPatch(Schema):
    """An enterprise's own limits."""

    users = _Limit()
    user_requests_per_minute = _Limit()
    organization_requests_per_minute = _Limit()
    retention_days = _Limit()


class LimitsSchema(Schema):
    """What a plan allows; null is without limit."""

    users = _Limit(required=True)
    user_requests_per_minute = _Limit(required=True)
    organization_requests_per_minute = _Limit(required=True)
    retention_days = _Limit(required=True)


class PlanSchema(Schema):
    """A plan that this hub has."""

    name = fields.String(required=True)
    limits = fields.Nested(LimitsSchema, required=True)


class SubscriptionInput(Schema):
    """The plan to take."""

    plan = fields.String(required=True, validate=validate.OneOf(tuple(DEFAULTS)))
    limits = fields.Nested(LimitsPatch, load_default=dict)


class SubscriptionSchema(Schema):
    """The plan of the organization, since when, and what it allows."""

    plan = fields.String(required=True)
    since = Moment(required=True)
    limits = fields.Nested(LimitsSchema, required=True)


class UsageSchema(Schema):
    """What the organization uses, beside what its plan allows."""

    users = fields.Integer(required=True)
    integrations = fields.Integer(required=True)
    alerts = fields.Integer(required=True)
    api_keys = fields.Integer(required=True)
    deliveries_this_month = fields.Integer(required=True)
    incidents_this_month = fields.Integer(required=True)
    limits = fields.Nested(LimitsSchema, required=True)
