"""Query parameters of lists; a feature adds its filters and its `sort = Sort(LISTING)`."""

from marshmallow import RAISE, Schema, fields, validate

from hub.http.fields import Moment, PlainText

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 200
LAST_PAGE = 10_000


class PageQuery(Schema):
    """Which page of a list, and how long pages are."""

    class Meta:
        unknown = RAISE

    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, LARGEST_LIMIT))


class ListQuery(PageQuery):
    """What every list of things that were created understands."""

    q = PlainText("Plain text: every word must occur, in either case")
    created_after = Moment(metadata={"description": "Created at or after this moment"})
    created_before = Moment(metadata={"description": "Created before this moment"})
