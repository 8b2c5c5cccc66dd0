"""What the registration routes take."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.accounts.passwords.schemas import MailedToken, NewPassword


class RegisterSchema(Schema):
    """A new account: the owner of a new `organization`, or with an `invitation` a member of one that exists."""

    email = fields.Email(required=True, validate=validate.Length(max=254))
    password = NewPassword()
    name = fields.String(required=True, validate=validate.Length(1, 200))
    organization = fields.String(validate=validate.Length(1, 200))
    invitation = fields.String(load_only=True, validate=validate.Length(1, 200))

    @validates_schema
    def _either(self, account: dict[str, Any], **_kwargs: Any) -> None:
        if ("organization" in account) == ("invitation" in account):
            raise ValidationError("Give either organization or invitation.", "organization")


class VerifySchema(Schema):
    """The token from the mail."""

    token = MailedToken()
