"""/openapi.json, and /docs and /redoc from files of this package: nothing is fetched from elsewhere."""

import gzip
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from flask import Flask, Response, request
from werkzeug.http import generate_etag

from hub.http.openapi import document

_View = TypeVar("_View", bound=Callable[..., Any])

_TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html"}

# the two programs put styles into the page while they run, and Redoc searches in a worker that it makes from a blob
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

# path → file in `assets`, where the large ones are packed
_PAGES: Mapping[str, str] = {
    "/docs": "swagger.html",
    "/docs/start.js": "swagger-start.js",
    "/docs/swagger-ui.css": "swagger-ui.css.gz",
    "/docs/swagger-ui-bundle.js": "swagger-ui-bundle.js.gz",
    "/redoc": "redoc.html",
    "/redoc/start.js": "redoc-start.js",
    "/redoc/redoc.standalone.js": "redoc.standalone.js.gz",
}


def install(app: Flask, described: dict[str, Any]) -> None:
    """Adds the document and the pages; call it when all routes are there."""
    unshared = json.loads(json.dumps(described))  # the methods of one view are one object in there
    raw = json.dumps(document.complete(unshared, app), ensure_ascii=False).encode()
    _add(app, "/openapi.json", lambda: _answer(raw, "application/json"))
    for path, name in _PAGES.items():
        _add(app, path, _show(name))


def _add(app: Flask, path: str, view: Callable[[], Response]) -> None:
    view.permission = "public"  # type: ignore[attr-defined]  # as hub.accounts.access.public says it
    view.is_documentation = True  # type: ignore[attr-defined]  # read by `document.routes`
    app.add_url_rule(path, endpoint=f"documentation:{path}", view_func=view)


def _show(name: str) -> Callable[[], Response]:
    return lambda: _answer(*_read(name))


@cache
def _read(name: str) -> tuple[bytes, str]:
    raw = files("hub.http.openapi").joinpath("assets", name).read_bytes()
    return raw, _TYPES[name.removesuffix(".gz").rpartition(".")[2]]


def _answer(raw: bytes, media_type: str) -> Response:
    is_packed = raw.startswith(b"\x1f\x8b")
    takes_packed = request.accept_encodings.quality("gzip") > 0
    response = Response(raw if takes_packed or not is_packed else gzip.decompress(raw), mimetype=media_type)
    if is_packed:
        response.headers["Vary"] = "Accept-Encoding"
        if takes_packed:
            response.headers["Content-Encoding"] = "gzip"
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(generate_etag(raw))
    response.make_conditional(request)
    return response
