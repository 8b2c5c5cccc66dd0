"""How the timeline and the reasons of correlation are shown."""

from typing import Any

from marshmallow import Schema, fields

from hub.http.fields import Moment, Sort
from hub.http.ids import PublicId
from hub.http.lists import PageQuery
from hub.http.published import published
from hub.incidents import membership, timeline


class TimelineQuery(PageQuery):
    """The order of a timeline: oldest first, unless asked otherwise."""

    sort = Sort(timeline.LISTING)


class WhyQuery(PageQuery):
    """The order of reasons: as the alerts came, unless asked otherwise."""

    sort = Sort(membership.WHY)


class TimelineSchema(Schema):
    """Something that happened to an incident; `actor` is a person's id or "hub"."""

    kind = fields.String(required=True)
    actor = fields.String(required=True)
    actor_name = fields.String(required=True)
    data = fields.Function(lambda entry: published(entry.data), required=True, metadata={"type": "object"})
    at = Moment(required=True)


def _decided(name: str, kind: str, default: Any = None) -> fields.Function:
    return fields.Function(
        lambda reason: published(reason.decision.get(name, default), name),
        required=True,
        metadata={"type": [kind, "null"]} | ({"items": {"type": "object"}} if kind == "array" else {}),
    )


class ReasonSchema(Schema):
    """Why one episode of an alert is in this incident. `moves` are by people, since.

    `step` is the step of correlation that decided, `rule` the organization's own rule if one did; `seconds_apart`,
    `similarity`, `threshold` and `runner_up` are null where the step did not ask for them.
    """

    alert_id = PublicId("alrt", required=True)
    title = fields.String(required=True)
    episode = fields.Integer(required=True)
    started_at = Moment(required=True)
    decided_at = Moment(required=True)
    step = _decided("step", "string")
    version = _decided("version", "integer")
    rule = _decided("rule", "object")
    matched = _decided("matched", "object", {})
    seconds_apart = _decided("seconds_apart", "number")
    similarity = _decided("similarity", "number")
    threshold = _decided("threshold", "number")
    runner_up = _decided("runner_up", "object")
    moves = _decided("moves", "array", [])
