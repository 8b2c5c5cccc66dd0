"""What the account routes take and give."""

from marshmallow import Schema, fields, validate

from hub.http.ids import PublicId


class RegisterSchema(Schema):
    """A new organization with its owner."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1_000))
    name = fields.String(required=True, validate=validate.Length(1, 200))
    organization = fields.String(required=True, validate=validate.Length(1, 200))


class LoginSchema(Schema):
    """Credentials of a person."""

    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True, validate=validate.Length(1, 1_000))


class UserSchema(Schema):
    """A person."""

    id = PublicId("user", required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True)
    organization_id = PublicId("org", required=True)


class TokensSchema(Schema):
    """A login's answer; flat, as published."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "seconds"})
    user = fields.Nested(UserSchema, required=True)
