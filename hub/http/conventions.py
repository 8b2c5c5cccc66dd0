"""What every route keeps to without saying so: nothing sent is ignored, ETags, If-Match, Idempotency-Key."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, g, request
from sqlalchemy import text
from sqlalchemy.orm import Session

from hub.contracts.errors import BadRequest, Invalid, StaleVersion
from hub.http import idempotency

View = Callable[..., Any]

_READERS = "overwatch.readers"
_UNKNOWN = ["Unknown field."]


def install(app: Flask) -> None:
    """Learns which view reads the object behind each path; call it when all routes are there."""
    readers = {}
    for rule in app.url_map.iter_rules():
        reader = getattr(app.view_functions[rule.endpoint], "reader", None)
        if reader is not None and "GET" in (rule.methods or ()):
            readers[rule.rule] = reader
    app.extensions[_READERS] = readers


def keep(view: View, *, has_etag: bool = False) -> View:
    """The view under the conventions of its method. `has_etag`: it answers one object, whose version is told."""

    @wraps(view)
    def kept(*args: Any, **kwargs: Any) -> Response:
        _refuse_unread()
        run = _RUNS.get(request.method, _run)
        response: Response = run(view, args, kwargs)
        if has_etag and response.status_code == 200:
            response.set_etag(_etag_of(response))
            if request.method in {"GET", "HEAD"}:
                response.make_conditional(request)
        return response

    if has_etag:
        kept.reader = view  # type: ignore[attr-defined]  # found by `install`
    kept.keeps_conventions = True  # type: ignore[attr-defined]  # read by the test that every route does
    return kept


def _refuse_unread() -> None:
    """A parameter that no schema has read would be ignored; better to say that nobody knows it."""
    unknown = {} if g.get("has_read_query") else dict.fromkeys(request.args, _UNKNOWN)
    body = g.get("json")
    if body and not g.get("has_read_body"):
        unknown |= dict.fromkeys(body, _UNKNOWN) if isinstance(body, Mapping) else {"_schema": ["This takes no body."]}
    if unknown:
        raise Invalid(unknown)


def _run(view: View, args: Any, kwargs: Any) -> Response:
    response: Response = view(*args, **kwargs)
    return response


def _run_change(view: View, args: Any, kwargs: Any) -> Response:
    """Changes of one object take turns, so that If-Match still holds when the change is made."""
    if "caller" not in g:
        return _run(view, args, kwargs)  # a webhook by PUT changes no object of a caller's
    session: Session = g.session
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(current_setting('app.organization_id', true) || :path, 0))"
    session.execute(text(lock), {"path": request.path})
    if request.headers.get("If-Match"):
        _check_version(request.view_args or {})
        session.expire_all()
    return _run(view, args, kwargs)


def _check_version(ids: Mapping[str, Any]) -> None:
    reader = current_app.extensions[_READERS].get(str(request.url_rule))
    if reader is None:
        raise BadRequest("This has no versions; send no If-Match.")
    if not request.if_match.contains(_etag_of(reader(**ids))):
        raise StaleVersion("Somebody has changed this since; read it again, then repeat the change.")


def _etag_of(response: Response) -> str:
    return hashlib.sha256(response.get_data()).hexdigest()[:32]


_RUNS: Mapping[str, Callable[[View, Any, Any], Response]] = {
    "POST": lambda view, args, kwargs: idempotency.once(lambda: _run(view, args, kwargs)),
    "PUT": _run_change,
    "PATCH": _run_change,
    "DELETE": _run_change,
}
