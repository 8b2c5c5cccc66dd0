"""What the feedback route takes and gives."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.contracts.errors import NotFound
from hub.http.ids import from_public
from hub.search.feedback.service import VERDICTS
from hub.search.schemas import LONGEST_QUERY

# the prefix of a result's id → the kind of its document; a solution is its incident's
KINDS = {"inc": "incidents", "proc": "procedures"}


class ResultId(fields.String):
    """The id of a result: of an incident or of a procedure."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(metadata={"pattern": "^(inc|proc)_[0-9a-f]{32}$", "example": f"inc_{'0' * 32}"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        prefix = str(value).partition("_")[0]
        try:
            return KINDS.get(prefix, ""), from_public(prefix if prefix in KINDS else "inc", str(value))
        except NotFound as error:
            raise ValidationError("Not the id of a result: inc_… or proc_….") from error


class FeedbackInput(Schema):
    """What a result was worth for a query."""

    query = fields.String(required=True, validate=validate.Length(1, LONGEST_QUERY))
    result_id = ResultId(required=True)
    verdict = fields.String(required=True, validate=validate.OneOf(VERDICTS))


class FeedbackSchema(Schema):
    """The verdict as it was noted."""

    result_id = fields.String(required=True)
    verdict = fields.String(required=True, validate=validate.OneOf(VERDICTS))
