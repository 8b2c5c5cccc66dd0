"""What saving an incident as a procedure takes."""

from marshmallow import Schema, fields, validate

from hub.procedures.markdown import LONGEST_TITLE


class SaveInput(Schema):
    """The procedure's title; the incident's own when it is not given."""

    title = fields.String(load_default=None, allow_none=True, validate=validate.Length(1, LONGEST_TITLE))
