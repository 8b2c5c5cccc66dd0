"""What the search routes take and give."""

from marshmallow import RAISE, Schema, fields, validate

from hub.http.fields import Moment, OneOrMany
from hub.incidents.rules import SEVERITIES
from hub.search.service import KINDS

LONGEST_QUERY = 20_000
MOST_RESULTS = 50

_SOME = validate.Length(1, 50)


class FiltersSchema(Schema):
    """What a result must be besides similar."""

    class Meta:
        unknown = RAISE

    service = OneOrMany(fields.String(), validate=_SOME)
    severity = OneOrMany(fields.String(validate=validate.OneOf(SEVERITIES)), validate=_SOME)
    status = OneOrMany(fields.String(), validate=_SOME)
    tags = OneOrMany(fields.String(), validate=_SOME)
    created_after = Moment()
    created_before = Moment()


class QuerySchema(Schema):
    """A sentence, an alert's name or labels, or a pasted log."""

    query = fields.String(required=True, validate=validate.Length(1, LONGEST_QUERY))
    content_types = fields.List(
        fields.String(validate=validate.OneOf(KINDS)), load_default=list(KINDS), validate=validate.Length(1)
    )
    min_confidence = fields.Float(load_default=0.0, validate=validate.Range(0, 1))
    limit = fields.Integer(load_default=10, strict=True, validate=validate.Range(1, MOST_RESULTS))
    filters = fields.Nested(FiltersSchema, load_default=dict)


class ScoresSchema(Schema):
    """What the two indexes say, each 0 to 1."""

    semantic = fields.Float(required=True)
    text = fields.Float(required=True)


class HitSchema(Schema):
    """A document that may answer; `confidence` is the calibrated probability that it does."""

    id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(KINDS))
    title = fields.String(required=True)
    snippet = fields.String(required=True)
    confidence = fields.Float(required=True)
    scores = fields.Nested(ScoresSchema, required=True)
    reasons = fields.List(fields.String(), required=True)
    url = fields.String(required=True)


class FoundMeta(Schema):
    """About the answer as a whole."""

    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    took_ms = fields.Float(required=True)
    query_kind = fields.String(required=True, validate=validate.OneOf(("text", "alert", "log")))
    model = fields.String(required=True)
    good_match = fields.Boolean(required=True)


class FoundSchema(Schema):
    """Results, best first."""

    data = fields.List(fields.Nested(HitSchema), required=True)
    meta = fields.Nested(FoundMeta, required=True)


class TypedQuery(Schema):
    """What somebody has typed so far."""

    class Meta:
        unknown = RAISE

    q = fields.String(required=True, validate=validate.Length(1, 200))
    limit = fields.Integer(load_default=10, validate=validate.Range(1, MOST_RESULTS))


class TitleSchema(Schema):
    """A document that may be meant."""

    id = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(KINDS))
    title = fields.String(required=True)
    url = fields.String(required=True)
