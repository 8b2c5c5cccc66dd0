"""What the suggestion routes take and give."""

from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from hub.http.fields import Moment
from hub.http.ids import PublicId
from hub.incidents.rules import SEVERITIES
from hub.incidents.schemas import STATUSES, ResolutionSchema
from hub.search.service import Hit
from hub.search.suggestions.service import is_evident

LABELS = ("evidence", "suggestion")


class LimitQuery(Schema):
    """How many at most."""

    class Meta:
        unknown = RAISE

    limit = fields.Integer(load_default=10, validate=validate.Range(1, 50))


class _SuggestedSchema(Schema):
    confidence = fields.Float(required=True)
    label = fields.String(required=True, validate=validate.OneOf(LABELS))
    reasons = fields.List(fields.String(), required=True)
    snippet = fields.String(required=True)
    title = fields.String(required=True)
    url = fields.String(required=True)


class SuggestedProcedureSchema(_SuggestedSchema):
    """A procedure that may help; `label` says whether evidence speaks for it, or similarity alone."""

    id = PublicId("proc", required=True)


class SimilarIncidentSchema(_SuggestedSchema):
    """An incident of before, with its resolution when it has one."""

    id = PublicId("inc", required=True)
    status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    service = fields.String(required=True)
    resolution = fields.Nested(ResolutionSchema, required=True, allow_none=True)
    created_at = Moment(required=True)
    resolved_at = Moment(required=True, allow_none=True)


def shown(hit: Hit, url: str) -> dict[str, Any]:
    """What all suggestions have."""
    return {
        "id": hit.id,
        "title": hit.title,
        "snippet": hit.snippet,
        "confidence": round(hit.result.confidence, 4),
        "label": LABELS[0] if is_evident(hit) else LABELS[1],
        "reasons": list(hit.result.reasons),
        "url": url,
    }
