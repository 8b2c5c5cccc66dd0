"""What the routes of logging in and out take and give."""

from marshmallow import Schema, fields, validate

from hub.accounts.passwords.rules import LONGEST
from hub.accounts.rules import ROLES
from hub.accounts.sessions import service
from hub.http.fields import Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import PageQuery

_LONGEST_TOKEN = 4_000


class LoginSchema(Schema):
    """Credentials of a person; as a form, `email` is called `username`."""

    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, LONGEST))


class RefreshSchema(Schema):
    """The refresh token that was given last."""

    refresh_token = fields.String(required=True, load_only=True, validate=validate.Length(1, _LONGEST_TOKEN))


class LogoutSchema(Schema):
    """Nothing need be said: the access token names its session, and the refresh token falls with it."""

    refresh_token = fields.String(load_only=True, validate=validate.Length(1, _LONGEST_TOKEN))


class AccountSchema(Schema):
    """Who has logged in."""

    id = PublicId("user", required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    organization_id = PublicId("org", required=True)


class RefreshedSchema(Schema):
    """New tokens; flat, as published."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds that the access token is good for"})


class TokensSchema(RefreshedSchema):
    """A login's answer; flat, as published."""

    user = fields.Nested(AccountSchema, required=True)


class SessionQuery(PageQuery):
    """Filters of sessions."""

    sort = Sort(service.LISTING)
    created_after = Moment(metadata={"description": "At or after this moment"})
    created_before = Moment(metadata={"description": "Before this moment"})


class SessionSchema(Schema):
    """A login that still stands."""

    id = PublicId("sess", required=True)
    address = fields.String(required=True)
    user_agent = fields.String(required=True)
    is_current = fields.Boolean(required=True, metadata={"description": "The one that asks"})
    created_at = Moment(required=True)
    last_seen_at = Moment(required=True)
    expires_at = Moment(required=True)
