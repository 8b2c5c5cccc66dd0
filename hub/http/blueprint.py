"""The blueprint that all routes use: strict bodies and queries in, envelopes out."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar, cast

import flask
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema, fields
from webargs import ValidationError, missing
from webargs.flaskparser import FlaskParser

from hub.contracts.errors import BadRequest
from hub.http import conventions, strict
from hub.http.lists import ListQuery, PageQuery
from hub.listing import Page

__all__ = ["JsonBlueprint", "ListQuery", "Page", "PageQuery"]

_View = TypeVar("_View", bound=Callable[..., Any])


class Meta(Schema):
    """What stands beside `data`."""

    total = fields.Integer(required=True)
    page = fields.Integer(required=True)


class ListMeta(Meta):
    """What stands beside a list."""

    limit = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class StrictParser(FlaskParser):
    """Reads the body that the front door has checked, and refuses what the schema does not name or would coerce."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": RAISE, "json": RAISE}

    def load_json(self, req: flask.Request, schema: Any) -> Any:
        flask.g.has_read_body = True
        body = flask.g.get("json", missing)
        if body is missing and req.method != "POST":  # a POST may be all defaults; a change of nothing is a mistake
            raise ValidationError({"_schema": ["Send a JSON object."]})
        if body is not missing:
            strict.check_json(schema, body)
        return body

    def load_querystring(self, req: flask.Request, schema: Any) -> Any:
        flask.g.has_read_query = True
        repeated = [name for name, values in req.args.lists() if len(values) > 1]
        if repeated:
            raise ValidationError({name: ["Given more than once."] for name in repeated})
        if any("\0" in text for pair in req.args.items() for text in pair):
            raise BadRequest("The query has the character %00, which cannot be stored.")
        query = req.args.to_dict()
        strict.check_query(schema, query)
        return query


class JsonBlueprint(Blueprint):
    """A flask-smorest blueprint whose answers are enveloped."""

    ARGUMENTS_PARSER = StrictParser()

    # flask-smorest is untyped; these three only say that a decorated view stays what it was
    def route(self, rule: str, **options: Any) -> Callable[[_View], _View]:
        """Registers the view at `rule`."""
        return cast(Callable[[_View], _View], super().route(rule, **options))

    def arguments(self, schema: type[Schema] | Schema, **options: Any) -> Callable[[_View], _View]:
        """Loads the body, or with location="query" the query, by the schema, and passes it to the view."""
        made = schema() if isinstance(schema, type) else schema  # once, not for each request
        return cast(Callable[[_View], _View], super().arguments(made, **options))

    def response(self, status: int, schema: type[Schema] | None = None, **options: Any) -> Callable[[_View], _View]:
        """Dumps what the view returns by the schema."""
        return self._answer(status, schema, has_etag=False, **options)

    def _answer(self, status: int, schema: Any, *, has_etag: bool, **options: Any) -> Callable[[_View], _View]:
        answer = super().response(status, schema, **options)

        def decorator(view: _View) -> _View:
            return cast(_View, conventions.keep(answer(view), has_etag=has_etag))

        return decorator

    def one(self, schema: type[Schema], status: int = 200) -> Callable[[_View], _View]:
        """The view returns one object, answered as {"data": …, "meta": {"total": 1, "page": 1}} with its ETag."""

        def decorator(view: _View) -> _View:
            @wraps(view)
            def enveloping(*args: Any, **kwargs: Any) -> dict[str, Any]:
                return {"data": view(*args, **kwargs), "meta": {"total": 1, "page": 1}}

            return cast(_View, self._answer(status, _envelope(schema), has_etag=True)(enveloping))

        return decorator

    def raw(self, media_type: str) -> Callable[[_View], _View]:
        """The view returns a Response of its own, with bytes of this type."""
        return self._answer(200, {"type": "string", "format": "binary"}, has_etag=False, content_type=media_type)

    def or_text(self, media_type: str) -> Callable[[_View], _View]:
        """The view returns a Response of its own with text of this type to who asks for that; stands below the rest."""
        options = {"schema": {"type": "string"}, "content_type": media_type, "description": "OK", "success": True}
        return cast(Callable[[_View], _View], super().alt_response(200, **options))

    def page(self, schema: type[Schema]) -> Callable[[_View], _View]:
        """The view returns a Page, answered as {"data": […], "meta": {"total", "page", "limit", "pages"}}."""

        def decorator(view: _View) -> _View:
            @wraps(view)
            def enveloping(*args: Any, **kwargs: Any) -> dict[str, Any]:
                page: Page = view(*args, **kwargs)
                pages = -(-page.total // page.limit)
                meta = {"total": page.total, "page": page.page, "limit": page.limit, "pages": pages}
                return {"data": page.items, "meta": meta}

            return cast(_View, self.response(200, _list_envelope(schema))(enveloping))

        return decorator


@cache
def _envelope(schema: type[Schema]) -> type[Schema]:
    members = {"data": fields.Nested(schema, required=True), "meta": fields.Nested(Meta, required=True)}
    return Schema.from_dict(cast(dict[str, Any], members), name=f"{schema.__name__}Envelope")


@cache
def _list_envelope(schema: type[Schema]) -> type[Schema]:
    data = fields.List(fields.Nested(schema), required=True)
    return Schema.from_dict(
        {"data": data, "meta": fields.Nested(ListMeta, required=True)}, name=f"{schema.__name__}List"
    )
