"""What the execution routes take and give."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from hub.http.blueprint import ListQuery
from hub.http.fields import Commas, Moment, Sort
from hub.http.ids import PublicId, to_public
from hub.procedures.executions import service
from hub.procedures.executions.rules import OUTCOMES, STATUSES, URGENCIES
from hub.procedures.schemas import StepSchema


class ExecutionQuery(ListQuery):
    """Filters of executions."""

    sort = Sort(service.LISTING)
    status = Commas(STATUSES)
    procedure_id = Commas(each=PublicId("proc"))
    incident_id = Commas(each=PublicId("inc"))


class ContextSchema(Schema):
    """What the execution is for."""

    incident_id = PublicId("inc", allow_none=True)
    urgency = fields.String(validate=validate.OneOf(URGENCIES))


class Values(fields.Dict):
    """Variable → value."""

    def __init__(self, **kwargs: Any) -> None:
        names = fields.String(validate=validate.Length(1, 64))
        super().__init__(keys=names, values=fields.String(validate=validate.Length(max=4_000)), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, dict) and not all(isinstance(each, str) for each in value.values()):
            raise ValidationError("Every value is a text.")
        return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]  # marshmallow's


class ExecuteInput(Schema):
    """What to fill in, and for which incident."""

    context = fields.Nested(ContextSchema, load_default=dict)
    variables = Values(load_default=dict, metadata={"example": {}})


class OutcomeInput(Schema):
    """What became of a step."""

    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    output = fields.String(allow_none=True, validate=validate.Length(max=100_000))
    note = fields.String(allow_none=True, validate=validate.Length(max=20_000))


class NoteInput(Schema):
    """Why."""

    note = fields.String(load_default="", validate=validate.Length(max=2_000))


class StoredId(fields.Field[str]):
    """A person's id as steps keep it, in their JSON."""

    def _serialize(self, value: str | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return to_public("user", UUID(value)) if value else None


_PERSON = {"type": "string", "pattern": "^user_[0-9a-f]{32}$"}
_TIME = {"type": ["string", "null"], "format": "date-time"}


class ExecutedStepSchema(StepSchema):
    """A step as it was, its command filled in, and what became of it."""

    number = fields.Integer(required=True)
    outcome = fields.String(required=True, allow_none=True, validate=validate.OneOf(OUTCOMES))
    output = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    user_id = StoredId(data_key="by", required=True, allow_none=True, metadata=_PERSON)
    approved_by = StoredId(required=True, allow_none=True, metadata=_PERSON)
    started_at = fields.Function(lambda step: _moment(step["started_at"]), required=True, metadata=_TIME)
    finished_at = fields.Function(lambda step: _moment(step["finished_at"]), required=True, metadata=_TIME)


class ExecutionSchema(Schema):
    """One run of a procedure by people. `current_step` is null when it is over."""

    id = PublicId("exec", required=True)
    procedure_id = PublicId("proc", required=True, allow_none=True)
    procedure_version = fields.Integer(required=True)
    title = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    context = fields.Method("_context", required=True, metadata={"type": "object"})
    variables = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    steps = fields.List(fields.Nested(ExecutedStepSchema), required=True)
    current_step = fields.Integer(required=True, allow_none=True)
    started_by = PublicId("user", required=True, allow_none=True)
    duration_seconds = fields.Float(required=True, allow_none=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)

    def _context(self, execution: Any) -> dict[str, Any]:
        incident_id = execution.incident_id and to_public("inc", execution.incident_id)
        return {"incident_id": incident_id, "urgency": execution.urgency}


def _moment(stored: str | None) -> Any:
    return Moment()._serialize(datetime.fromisoformat(stored), None, None) if stored else None
