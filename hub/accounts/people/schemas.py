"""What the routes of people take and give."""

from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from hub.accounts.people import service
from hub.accounts.people.rules import SETTABLE_STATUSES, STATUSES
from hub.accounts.rules import ROLES
from hub.accounts.sessions.schemas import AccountSchema
from hub.http.fields import Commas, Moment, Sort
from hub.http.lists import ListQuery


class Timezone(fields.String):
    """A name of the IANA time zone database, e.g. Europe/Berlin."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(validate=_check_timezone, metadata={"example": "Europe/Berlin"}, **kwargs)  # type: ignore[arg-type]


def _check_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Not a time zone of the IANA database, e.g. Europe/Berlin.")


class UserQuery(ListQuery):
    """Filters of people."""

    sort = Sort(service.LISTING)
    role = Commas(ROLES)
    status = Commas(STATUSES)


class InvitationSchema(Schema):
    """Whom to invite, and as what."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    name = fields.String(required=True, validate=validate.Length(1, 200))
    role = fields.String(load_default="engineer", validate=validate.OneOf(ROLES))


class UserPatch(Schema):
    """What to change; all else stays."""

    name = fields.String(validate=validate.Length(1, 200))
    timezone = Timezone()
    role = fields.String(validate=validate.OneOf(ROLES))
    status = fields.String(validate=validate.OneOf(SETTABLE_STATUSES))


class MemberPatch(Schema):
    """The member's new role."""

    role = fields.String(required=True, validate=validate.OneOf(ROLES))


class UserSchema(AccountSchema):
    """A person of the organization."""

    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    timezone = fields.String(required=True)
    email_verified_at = Moment(required=True, allow_none=True)
    last_login_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class RevokedSchema(Schema):
    """How many sessions were ended."""

    sessions_ended = fields.Integer(required=True)
