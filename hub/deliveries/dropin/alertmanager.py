"""In the place of Alertmanager's API v2: Prometheus itself can send."""

from marshmallow import Schema

from hub.accounts import access
from hub.deliveries.dropin.taking import blp, read_json, sender_of, take, token_given
from hub.http import body, declared


class NothingSchema(Schema):
    """What Alertmanager's API answers."""


@blp.route("/api/v2/alerts", methods=["POST"])
@access.public  # the proof is the token of an integration `alertmanager`
@declared.takes_anything(
    body.WEBHOOK_LIMIT_BYTES, any_query=True, described={"type": "array", "items": {"type": "object"}}
)
@blp.response(200, NothingSchema)
def post_alertmanager_alerts() -> dict[str, str]:
    """Take alerts as Alertmanager's API v2 does"""
    token = token_given()
    sender = sender_of("alertmanager", token)
    take("alertmanager", sender, token, read_json())
    return {}
