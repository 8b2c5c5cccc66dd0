"""What the integration routes take and give."""

from marshmallow import Schema, fields, validate

from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import ListQuery
from hub.integrations import service


class IntegrationQuery(ListQuery):
    """Filters of integrations."""

    sort = Sort(service.LISTING)
    platform = Commas()
    enabled = fields.Boolean()


class IntegrationInput(Schema):
    """A platform to connect."""

    platform = fields.String(required=True, validate=validate.Length(1, 64))
    name = fields.String(required=True, validate=validate.Length(1, 200))
    config = fields.Dict(keys=fields.String(), load_default=dict)
    enabled = fields.Boolean(load_default=True)
    events = fields.List(fields.String(validate=validate.Length(1, 64)), load_default=list)


class IntegrationSchema(Schema):
    """A connected platform. `webhook_url` carries the token; it is shown in full only when the token is made."""

    id = PublicId("int", required=True)
    platform = fields.String(required=True)
    name = fields.String(required=True)
    config = fields.Dict(keys=fields.String(), required=True)
    enabled = fields.Boolean(required=True)
    events = fields.List(fields.String(), required=True)
    webhook_url = fields.String(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)


class PlatformSchema(Schema):
    """A connector that is installed."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    version = fields.String(required=True)
    directions = fields.List(fields.String(), required=True)
    config_schema = fields.Dict(keys=fields.String(), required=True)
    setup_guide = fields.String(required=True)
    sample_body = fields.String(required=True)
