"""What the password routes take."""

from marshmallow import Schema, fields, validate

from hub.accounts.passwords.rules import LONGEST


class NewPassword(fields.String):
    """A password; what else it needs is the organization's policy."""

    def __init__(self) -> None:
        super().__init__(required=True, load_only=True, validate=validate.Length(1, LONGEST))


class MailedToken(fields.String):
    """A token from a mail."""

    def __init__(self) -> None:
        super().__init__(required=True, load_only=True, validate=validate.Length(1, 200))


class ResetSchema(Schema):
    """Whose password is forgotten."""

    email = fields.String(required=True, validate=validate.Length(1, 254))


class ResetConfirmSchema(Schema):
    """The token from the mail, and the new password."""

    token = MailedToken()
    password = NewPassword()


class ChangeSchema(Schema):
    """The password that was, and the one that shall be."""

    current_password = NewPassword()
    new_password = NewPassword()


class MessageSchema(Schema):
    """A sentence for the person."""

    message = fields.String(required=True)
