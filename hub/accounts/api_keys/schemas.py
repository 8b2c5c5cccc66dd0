"""What the routes of API keys take and give."""

from marshmallow import Schema, fields, validate

from hub.accounts.api_keys import service
from hub.accounts.rules import OWN_ACCOUNT, PERMISSIONS
from hub.http.fields import Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery

_GRANTABLE = sorted(frozenset[str]().union(*PERMISSIONS.values()) - {OWN_ACCOUNT})


class ApiKeyQuery(ListQuery):
    """Filters of API keys."""

    sort = Sort(service.LISTING)


class ApiKeyInput(Schema):
    """A key to make; it can do no more than its maker, now and later."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    permissions = fields.List(
        fields.String(validate=validate.OneOf(_GRANTABLE)),
        required=True,
        validate=validate.Length(1, len(_GRANTABLE)),
        metadata={"example": ["incidents:read"]},
    )
    ip_allowlist = fields.List(
        fields.String(validate=validate.Length(1, 50)),
        load_default=list,
        validate=validate.Length(max=100),
        metadata={"description": "Addresses or CIDR networks it may be used from; empty: anywhere"},
    )
    expires_at = Moment(load_default=None, allow_none=True)


class ApiKeySchema(Schema):
    """A key, without its text."""

    id = PublicId("key", required=True)
    name = fields.String(required=True)
    user_id = PublicId("user", required=True)
    hint = fields.String(required=True, metadata={"description": "The last characters of the key"})
    permissions = fields.List(fields.String(), required=True)
    ip_allowlist = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    last_used_at = Moment(required=True, allow_none=True)


class MadeApiKeySchema(ApiKeySchema):
    """A new key with its text, which is shown this once."""

    key = fields.String(required=True)
