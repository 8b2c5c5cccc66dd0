"""How the timeline and the reasons of correlation are shown: every stored id in them becomes a public one."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from hub.http.fields import Moment, Sort
from hub.http.ids import PublicId, to_public
from hub.http.lists import PageQuery
from hub.incidents import membership, timeline

# the end of a key → the prefix of the ids behind it
_PREFIXES: Mapping[str, str] = {
    "alert_id": "alrt",
    "assignee_id": "user",
    "comment_id": "cmt",
    "delivery_id": "dlv",
    "execution_id": "exec",
    "incident_id": "inc",
    "integration_id": "int",
    "procedure_id": "proc",
    "rule_id": "rule",
    "service_id": "svc",
    "silence_id": "sil",
    "user_id": "user",
}


def public(data: Any, key: str = "") -> Any:
    """The data with every id, however deep, as the API writes it; a list of ids stands behind a key in the plural."""
    if isinstance(data, Mapping):
        return {name: public(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [public(value, key.removesuffix("s")) for value in data]
    prefix = next((prefix for end, prefix in _PREFIXES.items() if key.endswith(end)), None)
    return to_public(prefix, UUID(data)) if prefix and _is_uuid(data) else data


def _is_uuid(data: Any) -> bool:
    try:
        return isinstance(data, str) and bool(UUID(data))
    except ValueError:
        return False


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
    data = fields.Function(lambda entry: public(entry.data), required=True, metadata={"type": "object"})
    at = Moment(required=True)


def _decided(name: str, kind: str, default: Any = None) -> fields.Function:
    return fields.Function(
        lambda reason: public(reason.decision.get(name, default), name),
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
